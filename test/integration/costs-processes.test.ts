import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestHome } from '../helpers/daemon.ts';
import { runProcess } from '../helpers/processes.ts';

// Invariant: what was recorded is counted once, however many processes record at once and however equal their records are.

const module = join(import.meta.dirname, 'cost-process.ts');

describe('M5, P2.8: 4 processes record 50 costs each, all equal', () => {
  let home: TestHome;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  async function recorded(processes: [prefix: string, together: number][]): Promise<object> {
    const client = home.client({ app: 'inkwell' });
    const { total: before } = await client.costs.summary();
    const env = { HOLDFAST_HOME: home.home };
    await Promise.all(processes.map(([prefix, together]) => runProcess(module, [prefix, String(together)], env).done));
    const { total } = await client.costs.summary();
    return { records: total.records - before.records, knownNanoUsd: total.knownNanoUsd - before.knownNanoUsd };
  }

  it('one after the other, or ten at once: 200 (the reviewed application kept 190)', async () => {
    const processes = recorded([
      ['a-', 1],
      ['b-', 1],
      ['c-', 10],
      ['d-', 10],
    ]);
    expect(await processes).toEqual({ records: 200, knownNanoUsd: 200_000_000 });
  });

  it('red control: with the ids of one another they are 50, and the count says so', async () => {
    expect(
      await recorded([
        ['e-', 10],
        ['e-', 10],
        ['e-', 1],
        ['e-', 1],
      ]),
    ).toEqual({ records: 50, knownNanoUsd: 50_000_000 });
  });
});
