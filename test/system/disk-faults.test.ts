import { describe, expect, it } from 'vitest';
import type { Problem } from '../../shared/errors.ts';
import { send } from '../helpers/curl.ts';
import type { TestHome } from '../helpers/daemon.ts';
import { integrityOf } from '../helpers/integrity.ts';
import { fault, homeWithStore, strace } from '../helpers/strace.ts';
import { clean, judge, readBack, type Acknowledged } from '../helpers/verdict.ts';
import { until } from '../helpers/wait.ts';

// Invariant: a disk that fails under a write costs an error that names it and may be retried, never an acknowledged
// write, never a read, and the same call works once the disk does.

/** Appends message n; raw, so that nothing is retried but by the test. */
const append = (home: TestHome, n: number) =>
  send(
    home.paths.socket,
    'POST',
    '/v1/apps/test/sessions/s/messages',
    { messages: [{ writer: 0, n }] },
    { 'idempotency-key': `key-${n}` },
  );

const acknowledged = (count: number): Acknowledged[] =>
  Array.from({ length: count }, (_, index) => ({ session: 's', writer: 0, n: index + 1 }));

describe('faults of the disk under a write', () => {
  it.each([
    ['fsync', 'error=EIO', '1', 503, 'storage_failed'],
    ['fsync', 'error=EIO', '3', 503, 'storage_failed'],
    ['fsync', 'error=EIO', '3..6', 503, 'storage_failed'],
    ['pwrite64', 'error=EIO', '10..12', 503, 'storage_failed'],
    ['pwrite64', 'error=EDQUOT', '10..12', 503, 'storage_failed'],
    ['pwrite64', 'error=ENOSPC', '10..12', 507, 'storage_full'],
  ])('%s %s at call %s of the -wal: %i %s, then the same call works, once', async (call, error, when, status, code) => {
    await using home = await homeWithStore();
    const wal = `${home.paths.database}-wal`;
    const { wrapper, injected } = strace(home, [wal], fault(call, error, when));
    const daemon = await home.start({ wrapper });
    const client = home.client();
    const problems: Problem[] = [];
    for (let n = 1; n <= 10; n++) {
      await until(`write ${n} succeeds`, async () => {
        const reply = await append(home, n);
        if (reply.status !== 201) problems.push(reply.json as Problem);
        // A failing disk is no reason not to read.
        expect((await client.sessions.get({ id: 's' })).head).toBeGreaterThanOrEqual(n - 1);
        expect((await client.system.health()).status).toMatch(/^(ok|degraded)$/);
        return reply.status === 201;
      });
    }
    expect(injected()).toBeGreaterThan(0);
    expect(problems.length).toBeGreaterThan(0);
    for (const problem of problems) expect(problem).toMatchObject({ status, code, retryable: true });
    expect(judge(acknowledged(10), await readBack(client, ['s']))).toEqual(clean);

    await daemon.end('SIGKILL');
    const next = await home.start();
    expect(judge(acknowledged(10), await readBack(client, ['s']))).toEqual(clean);
    await next.end();
    expect(integrityOf(home.paths.database)).toBe('ok');
  });

  it('the whole batch of a failed fsync is told, and its clients store each write once by themselves', async () => {
    await using home = await homeWithStore();
    const { wrapper, injected } = strace(home, [`${home.paths.database}-wal`], fault('fsync', 'error=EIO', '3..5'));
    await home.start({ wrapper });
    const client = home.client();
    const writes = Array.from({ length: 20 }, (_, index) => index + 1);
    await Promise.all(writes.map((n) => client.sessions.append({ id: 's', messages: [{ writer: n, n }] })));
    expect(injected()).toBe(3);
    const expected = writes.map((n) => ({ session: 's', writer: n, n }));
    expect(judge(expected, await readBack(client, ['s']))).toEqual(clean);
  });

  it('red control: a disk that drops writes in silence loses what was acknowledged, and the check says so', async () => {
    await using home = await homeWithStore();
    const drop = fault('pwrite64', 'retval=4096', '20+');
    const { wrapper, injected } = strace(home, [`${home.paths.database}-wal`], drop);
    const daemon = await home.start({ wrapper });
    const told: Acknowledged[] = [];
    for (let n = 1; n <= 10; n++) {
      if ((await append(home, n)).status === 201) told.push({ session: 's', writer: 0, n });
    }
    await daemon.end('SIGKILL');
    await home.start();
    expect(injected()).toBeGreaterThan(0);
    expect(judge(told, await readBack(home.client(), ['s'])).lost).not.toEqual([]);
  });
});
