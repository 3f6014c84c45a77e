import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { holdfast } from '../helpers/cli.ts';
import { TestHome } from '../helpers/daemon.ts';

let home: TestHome;
const run = (...args: string[]) => holdfast(home, [...args, '--app', 'reader']);
beforeAll(async () => {
  home = new TestHome();
  await home.start();
  const store = home.client({ app: 'reader' });
  const usage = { model: 'm', operation: 'chat', inputTokens: 10 };
  const record = (usageId: string, provider: string, costNanoUsd: number | null, at: string) =>
    store.costs.record({ ...usage, usageId, provider, costNanoUsd, at });
  await record('a', 'claude', 1_500_000_000, '2026-01-01T12:00:00Z');
  await record('b', 'claude', 1_250, '2026-01-02T12:00:00Z');
  await record('c', '\u202ered', null, '2026-01-02T12:00:01Z');
  await store.budgets.put({ name: 'all', period: 'total', limitNanoUsd: 1_000_000_000 });
  await store.limits.put({ name: 'pages', capacity: 5, refill: 1, intervalMs: 90_000 });
  await store.limits.acquire({ name: 'pages', n: 2 });
});
afterAll(() => home[Symbol.asyncDispose]());

describe('holdfast costs', () => {
  it('sums up what was spent, and lists it; what a terminal would obey is written out', async () => {
    expect((await run('costs', 'summary', '--by', 'day', '--by', 'provider')).stdout).toBe(
      [
        'DAY         PROVIDER     RECORDS  UNKNOWN  IN  OUT  COST',
        '2026-01-01  claude       1        0        10  0    $1.50',
        '2026-01-02  claude       1        0        10  0    $0.00000125',
        String.raw`2026-01-02  \u{202e}red  1        1        10  0    $0.00`,
        'total                    3        1        30  0    $1.50000125',
        '',
      ].join('\n'),
    );
    const json = JSON.parse((await run('costs', 'summary', '--from', '2026-01-02', '--json')).stdout) as unknown;
    expect(json).toMatchObject({ schema: 1, app: 'reader', from: '2026-01-02', total: { records: 2 }, groups: [] });
    const { stdout } = await run('costs', 'list', '--to', '2026-01-02', '--limit', '2');
    expect(stdout).toMatch(/^WHEN .*\n.* unknown +\\u\{202e\}red +m +chat +c\n.* \$0\.00000125 +claude .* b\n$/);
  });

  it('shows which budget is exceeded, as status advises', async () => {
    const { code, stdout } = await holdfast(home, ['status']);
    expect([code, stdout.replaceAll(/\s+/g, ' ')]).toEqual([
      1,
      expect.stringContaining(
        "budget_exceeded: an application has spent more than its budget. See 'holdfast costs budgets",
      ),
    ]);
    expect((await run('costs', 'budgets')).stdout).toMatch(
      /^NAME .*\nall +total +all +\$1\.50000125 +\$1\.00 +exceeded, 1 of unknown cost\n$/,
    );
  });

  it('archives, and says before what it would do', async () => {
    expect((await run('costs', 'clear', '--to', '2026-01-01', '--dry-run')).stderr).toBe(
      'Would archive records of reader: 1. Nothing was changed.\n',
    );
    const dry = JSON.parse(
      (await run('costs', 'clear', '--to', '2026-01-01', '--dry-run', '--json')).stdout,
    ) as unknown;
    expect(dry).toEqual({ schema: 1, app: 'reader', to: '2026-01-01', dryRun: true, archived: 1 });
    const cleared = await run('costs', 'clear', '--json');
    expect(JSON.parse(cleared.stdout)).toEqual({ schema: 1, app: 'reader', archived: 3, damagedCount: 0 });
  });
});

describe('holdfast limits', () => {
  it('lists what remains', async () => {
    expect((await run('limits', 'list')).stdout).toBe('NAME   REMAINING  REFILL\npages  3 of 5     1 every 90 s\n');
  });
});
