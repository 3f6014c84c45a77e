import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { send } from '../helpers/curl.ts';
import type { TestHome } from '../helpers/daemon.ts';
import { homeWithStore, strace } from '../helpers/strace.ts';

// Invariant: an answer to a retry is as durable as a first one. A write whose fsync failed, or never came because the
// daemon was killed, can be visible all the same; before it is acknowledged it is fsynced.

const append = (home: TestHome, n: number) =>
  send(
    home.paths.socket,
    'POST',
    '/v1/apps/test/sessions/s/messages',
    { messages: [{ n }] },
    { 'idempotency-key': `k${n}` },
  );

/** A wrapper that traces fsyncs by path (-y), and what the trace says of those of the database. */
function traced(home: TestHome, ...inject: string[]) {
  const { database } = home.paths;
  const { wrapper } = strace(home, [database, `${database}-wal`], ['-y', '-e', 'trace=fsync', ...inject]);
  const trace = wrapper[wrapper.indexOf('-o') + 1] ?? '';
  const lines = () => readFileSync(trace, 'latin1').split('\n');
  /** Those that succeeded after the last one that was made to fail. */
  const synced = () => {
    const all = lines();
    const from = all.findLastIndex((line) => line.includes('INJECTED')) + 1;
    return all.slice(from).filter((line) => line.includes(`${database}>`) && line.endsWith(' = 0')).length;
  };
  return { wrapper, lines, synced };
}

it('a write whose fsync failed is fsynced before its retry is answered', async () => {
  await using home = await homeWithStore();
  const { wrapper, lines, synced } = traced(home, '-e', 'inject=fsync:error=EIO:when=3');
  await home.start({ wrapper });
  expect((await append(home, 1)).status).toBe(201);
  expect((await append(home, 2)).status).toBe(503);
  expect(lines().filter((line) => line.includes('INJECTED'))).toHaveLength(1);

  const retried = await append(home, 2);
  expect(retried).toMatchObject({ status: 201, json: { head: 2 } });
  expect(synced()).toBeGreaterThan(0);
});

it('a write whose daemon was killed before its fsync is fsynced before its retry is answered', async () => {
  await using home = await homeWithStore();
  const before = traced(home, '-e', 'inject=fsync:signal=SIGKILL:when=3').wrapper;
  // With the filter strace injects no signals.
  const killed = await home.start({ wrapper: before.filter((argument) => argument !== '--seccomp-bpf') });
  expect((await append(home, 1)).status).toBe(201);
  await expect(append(home, 2)).rejects.toThrow(/closed|ECONNRESET|hang up/);
  expect((await killed.exited).signal).toBe('SIGKILL');

  const { wrapper, synced } = traced(home);
  await home.start({ wrapper });
  expect((await append(home, 2)).status).toBe(201);
  expect(synced()).toBeGreaterThan(0);
});

it('red control: a retry of what is durable needs no fsync of the database', async () => {
  await using home = await homeWithStore();
  const { wrapper, synced } = traced(home);
  await home.start({ wrapper });
  const first = await append(home, 1);
  expect(await append(home, 1)).toMatchObject({ status: 201, text: first.text });
  expect(synced()).toBe(0);
});
