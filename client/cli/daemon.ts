import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { contract } from '../../shared/contract.ts';
import { paths } from '../../shared/paths.ts';
import { protocol, version as own } from '../../shared/protocol.ts';
import { ensureDaemon, findNode } from '../autostart.ts';
import { lastErrorOf } from '../daemon-files.ts';
import { daemonEntry } from '../program.ts';
import { json, type Command } from './command.ts';
import { explain } from './errors.ts';
import { logs } from './logs.ts';
import { ask, probe, type Found } from './probe.ts';
import { print, printJson, tell, tellError } from './screen.ts';
import { notServing, skewOf, words } from './serving.ts';
import { status } from './status.ts';
import { stopDaemon } from './stop.ts';
import { safe } from './text.ts';

/** How long a start may take, in milliseconds: a large database is looked at first. */
const startMs = 120_000;
const answerMs = 2_000;
const lookMs = 25;

const serve: Command = {
  summary: 'runs the daemon in the foreground, as a service manager would',
  more: "Its log goes to stdout as JSON lines. Its exit code is the daemon's.",
  run: () =>
    new Promise((resolve, reject) => {
      const child = spawn(findNode(paths()), [daemonEntry()], { stdio: 'inherit' });
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
        // A terminal sends these to both; the daemon takes a second one for the first.
        process.on(signal, () => child.kill(signal));
      }
      child.once('error', reject);
      child.once('exit', (code) => resolve(code ?? 1));
    }),
};

const start: Command = {
  summary: 'starts the daemon in the background, if it does not run yet',
  run: async () => {
    const begun = Date.now();
    let found: Found;
    try {
      found = await startLasting(AbortSignal.timeout(startMs));
    } catch (error) {
      const { message, exitCode } = explain(error);
      const last = lastErrorOf(paths());
      tellError(message);
      // The daemon's own exit code says more, if it ended now.
      return last && Date.parse(last.at) >= begun ? last.exitCode : exitCode;
    }
    if (found.state !== 'running') throw notServing(paths(), found);
    const { pid, protocol: theirs } = found.health;
    const older = theirs < protocol;
    if (older) tellError(`It is running (pid ${pid}), but ${skewOf(found.health)}.`);
    else tell(`holdfast (pid ${pid}) is running.`);
    return older ? 1 : 0;
  },
};

/** Starts it unless it runs. One that is stopping still answers: it is waited for, and another one started. */
async function startLasting(signal: AbortSignal): Promise<Found> {
  for (let stopping = false; ; await sleep(lookMs, undefined, { signal })) {
    await ensureDaemon(signal);
    const found = await probe(paths(), answerMs);
    const went = stopping && found.state !== 'running';
    stopping = found.state === 'running' && found.health.status === 'stopping';
    if (!stopping && !went) return found;
  }
}

const stop: Command = {
  summary: 'stops the daemon; what was accepted is finished first',
  run: async () => {
    const pid = await stopDaemon();
    tell(pid === undefined ? 'holdfast is not running, so there is nothing to stop.' : stopped(pid));
    return 0;
  },
};

const stopped = (pid: number) => `holdfast (pid ${pid}) has stopped.`;

const restart: Command = {
  summary: 'stops the daemon, waits until it is gone, and starts it',
  run: async (call) => {
    const pid = await stopDaemon();
    if (pid !== undefined) tell(stopped(pid));
    return start.run(call);
  },
};

const health: Command = {
  summary: 'what the daemon says of itself, as JSON',
  options: { json },
  run: async () => {
    const found = await probe(paths(), answerMs);
    if (found.state !== 'running') throw notServing(paths(), found);
    await printJson(found.health);
    return found.health.status === 'ok' || found.health.status === 'degraded' ? 0 : 1;
  },
};

const socket: Command = {
  summary: 'the path of the socket, for curl --unix-socket',
  options: { json, agent: { type: 'boolean', summary: 'of the restricted one, for what an agent runs in a sandbox' } },
  run: async (call) => {
    const path = call.flag('agent') ? paths().agentSocket : paths().socket;
    await (call.json ? printJson({ socket: path }) : print(`${path}\n`));
    return 0;
  },
};

const version: Command = {
  summary: 'versions of this command and of the daemon',
  options: { json },
  run: async (call) => {
    const found = await probe(paths(), answerMs);
    const daemon = found.state === 'running' ? await ask(paths(), contract.system.version, answerMs) : null;
    if (call.json) await printJson({ command: own, state: found.state, daemon });
    else {
      const about = daemon && `${daemon.version} (protocol ${daemon.protocol}, Node ${daemon.node}, ${daemon.engine})`;
      await print(
        `holdfast ${own}\ndaemon   ${about === null ? words[found.state]?.replace('is ', '') : safe(about)}\n`,
      );
    }
    return 0;
  },
};

export const daemon = { serve, start, stop, restart, status, health, socket, logs, version };
