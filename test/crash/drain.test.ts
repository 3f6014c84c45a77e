import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { problemSchema } from '../../shared/problem.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { Load, type Outcome } from '../helpers/load.ts';
import { clean, judge, readBack } from '../helpers/verdict.ts';
import { until } from '../helpers/wait.ts';

// Invariant: a stop answers what it accepted and accepts nothing else. A write is acknowledged and stored, or refused
// by name and not stored, or never reached the daemon; no caller is left without knowing.

const slowStop = pathToFileURL(join(import.meta.dirname, 'slow-stop.ts')).href;

/** What a connection reports when nobody took the request. */
const notReached = new Set(['ENOENT', 'ECONNREFUSED']);

function isClean({ status, code, text }: Outcome): boolean {
  if (status === 201 || (status === 0 && notReached.has(code))) return true;
  const problem = status === 503 ? problemSchema.safeParse(JSON.parse(text)).data : undefined;
  return problem?.code === 'shutting_down' && problem.retryable;
}

/** Ends a daemon while 50 writers write, and tells what was not as a stop should be. */
async function stopUnderLoad(home: TestHome, how: (daemon: DaemonProcess) => unknown, headers: Record<string, string>) {
  const daemon = await home.start({ env: { NODE_OPTIONS: `--import=${slowStop}` } });
  const client = home.client();
  await client.sessions.create({ id: 's' });
  const load = new Load(home.paths.socket, 's', 50, headers);
  await until('some writes are acknowledged', () => load.acknowledged.length > 200);
  await how(daemon);
  const exit = await daemon.exited;
  await load.end();
  const left = [home.paths.socket, home.paths.daemonFile].filter((path) => existsSync(path));

  // A stale socket, if one is left, is replaced.
  await home.start();
  const stored = await readBack(client, ['s']);
  return {
    exit,
    left,
    unclean: load.outcomes.filter((outcome) => !isClean(outcome)),
    verdict: judge(load.acknowledged, stored),
    unanswered: (stored.sessions.get('s')?.length ?? 0) - load.acknowledged.length,
  };
}

const stopped = { exit: { code: 0, signal: null }, left: [], unclean: [], verdict: clean, unanswered: 0 };
const sigterm = (daemon: DaemonProcess) => daemon.child.kill('SIGTERM');
const ways: Record<string, (daemon: DaemonProcess, home: TestHome) => unknown> = {
  SIGTERM: sigterm,
  SIGINT: (daemon) => daemon.child.kill('SIGINT'),
  'POST /v1/shutdown': (_, home) => home.client().system.shutdown(),
  'SIGTERM three times': (daemon) => [1, 2, 3].map(() => daemon.child.kill('SIGTERM')),
};

describe('drain: the daemon is stopped during 50 concurrent writes', () => {
  it.each(Object.entries(ways))('%s: answered and stored, or refused and not', async (_, way) => {
    await using home = new TestHome();
    expect(await stopUnderLoad(home, (daemon) => way(daemon, home), {})).toEqual(stopped);
  });

  it('the same with a connection for each write', async () => {
    await using home = new TestHome();
    expect(await stopUnderLoad(home, sigterm, { connection: 'close' })).toEqual(stopped);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('%s at the moment it is ready is a stop like any other', async (signal) => {
    await using home = new TestHome();
    const daemon = await home.start();
    expect(await daemon.end(signal)).toEqual({ code: 0, signal: null });
    expect([home.paths.socket, home.paths.daemonFile].filter((path) => existsSync(path))).toEqual([]);
  });

  it('red control: SIGKILL is no clean stop, yet loses nothing acknowledged, and its socket is replaced', async () => {
    await using home = new TestHome();
    const result = await stopUnderLoad(home, (daemon) => daemon.child.kill('SIGKILL'), {});
    expect(result).not.toEqual(stopped);
    expect(result.left).toEqual([home.paths.socket, home.paths.daemonFile]);
    expect(result.verdict).toEqual(clean);
  });
});
