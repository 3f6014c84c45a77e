import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { paths } from '../../shared/paths.ts';
import { version as own } from '../../shared/protocol.ts';
import { ensureDaemon, findNode } from '../autostart.ts';
import { lastErrorOf } from '../daemon-files.ts';
import { HoldfastError, type Client } from '../index.ts';
import { daemonEntry } from '../program.ts';
import { json, type Call, type Command } from './command.ts';
import { explain } from './errors.ts';
import { logs } from './logs.ts';
import { probe } from './probe.ts';
import { print, printJson, tell } from './screen.ts';
import { notServing, status } from './status.ts';

/** How long a start may take, in milliseconds: a large database is looked at first. */
const startMs = 120_000;
/** How long a stop may take: its own bounds are shorter, but a disk may be slow. */
const stopMs = 60_000;
const quick = { deadlineMs: 2_000 };

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
    try {
      await ensureDaemon(AbortSignal.timeout(startMs));
    } catch (error) {
      const { message, exitCode } = explain(error);
      const last = lastErrorOf(paths());
      tell(`holdfast: ${message}`);
      // The daemon's own exit code says more, if it ended now.
      return last && Date.parse(last.at) >= begun ? last.exitCode : exitCode;
    }
    // Not through the client: one that is unhealthy runs too.
    const found = await probe(paths(), quick.deadlineMs);
    const about =
      found.state === 'running' ? `(pid ${found.health.pid}) is running.` : "has started: see 'holdfast status'.";
    tell(`holdfast ${about}`);
    return 0;
  },
};

/** Stops the daemon and waits until it is gone; answers false when there was none. */
async function stopIt(client: Client): Promise<boolean> {
  const found = await probe(paths(), quick.deadlineMs);
  if (found.state === 'stopped') return false;
  if (found.state !== 'running') throw notServing(paths(), found);
  const { pid } = await client.system.shutdown();
  for (const deadline = Date.now() + stopMs; isAlive(pid); await sleep(20)) {
    if (Date.now() < deadline) continue;
    const hint = `look at 'holdfast logs', then end it with 'kill ${pid}'`;
    throw new HoldfastError('unavailable', `holdfast (pid ${pid}) did not stop within ${stopMs / 1000} s: ${hint}.`);
  }
  tell(`holdfast (pid ${pid}) has stopped.`);
  return true;
}

/** A process that has ended and whose parent does not care is no longer alive. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch (error) {
    // Without /proc (macOS) the signal decides.
    return (error as NodeJS.ErrnoException).code === 'ENOENT' && !existsSync('/proc/self/stat');
  }
}

const stop: Command = {
  summary: 'stops the daemon; what was accepted is finished first',
  ...quick,
  run: async ({ client }) => {
    if (!(await stopIt(client))) tell('holdfast is not running, so there is nothing to stop.');
    return 0;
  },
};

const restart: Command = {
  summary: 'stops the daemon, waits until it is gone, and starts it',
  ...quick,
  run: async (call) => {
    await stopIt(call.client);
    return start.run(call);
  },
};

const health: Command = {
  summary: 'what the daemon says of itself, as JSON',
  options: { json },
  run: async () => {
    const found = await probe(paths(), quick.deadlineMs);
    if (found.state !== 'running') throw notServing(paths(), found);
    await printJson(found.health);
    return found.health.status === 'ok' || found.health.status === 'degraded' ? 0 : 1;
  },
  ...quick,
};

const socket: Command = {
  summary: 'the path of the socket, for curl --unix-socket',
  options: { json },
  run: async (call) => {
    const path = paths().socket;
    await (call.json ? printJson({ socket: path }) : print(`${path}\n`));
    return 0;
  },
};

async function daemonVersion({ client }: Call) {
  try {
    return await client.system.version();
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'unavailable') return null;
    throw error;
  }
}

const version: Command = {
  summary: 'versions of this command and of the daemon',
  options: { json },
  ...quick,
  run: async (call) => {
    const daemon = await daemonVersion(call);
    if (call.json) await printJson({ command: own, daemon });
    else {
      const about = daemon && `${daemon.version} (protocol ${daemon.protocol}, Node ${daemon.node}, ${daemon.engine})`;
      await print(`holdfast ${own}\ndaemon   ${about ?? 'not running'}\n`);
    }
    return 0;
  },
};

export const daemon = { serve, start, stop, restart, status, health, socket, logs, version };
