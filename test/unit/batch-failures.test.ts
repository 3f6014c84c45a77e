import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Unlocked } from '../../daemon/store/keys/passphrase.ts';
import { RootKeyFile } from '../../daemon/store/keys/root-key.ts';
import { runBatch, type Call, type Outcome } from '../../daemon/store/sqlite/batch.ts';
import { Wait } from '../../daemon/store/wait.ts';
import { HoldfastError } from '../../shared/errors.ts';
import { maxBatchWorkMs } from '../../shared/protocol.ts';
import { TxStore } from '../helpers/tx-store.ts';
import { blank } from '../integration/claudelet-cells.ts';

// Invariant: a call that fails takes only itself back, also after a write, and however many fail, none runs more than twice.

const count = 100;
let store: TxStore;
let made = 0;
beforeEach(() => (store = new TxStore()));
afterEach(() => {
  vi.restoreAllMocks();
  store[Symbol.dispose]();
});

const call = (op: string, input: object, key: string | null = null, waitedMs: number | null = null): Call => ({
  id: (made += 1),
  op,
  app: 'a',
  input: JSON.stringify({ app: 'a', ...input }),
  client: 'test',
  pid: 1,
  requestId: 'r',
  key,
  secretInput: false,
  secretAnswer: false,
  ordered: false,
  waitedMs,
});
const add = (id: string, key: string | null = null) => call('queues.add', { queue: 'q', id, body: { id } }, key);
const remove = (id: string) => call('queues.remove', { queue: 'q', id });
/** Fails after two writes: a limit that nobody set is stored before it turns out to hold less. */
const fails = (key: string | null = null) => call('limits.acquire', { name: 'episodes', n: 11 }, key);
const batch = (key: string, ...calls: Call[]) =>
  call(
    'batch.run',
    { calls: calls.map(({ op, app, input }) => ({ op, app, input: JSON.parse(input) as object, status: 200 })) },
    key,
  );

const rootKey = new RootKeyFile({ path: '/nowhere/root.key', memory: new Unlocked().memory });
const run = (...calls: Call[]) => runBatch(store.tx, { epoch: 'e', tokenOf: String, rootKey }, calls, () => undefined);
const codeOf = (outcome: Outcome | undefined) =>
  outcome instanceof Wait ? 'wait' : outcome instanceof HoldfastError ? outcome.code : (outcome?.text ?? '');
const column = (sql: string) =>
  store.db
    .prepare(sql)
    .all()
    .map((row) => Object.values(row)[0]);

/** What becomes of calls, how often a transaction began for them, and how often one of them ran. */
async function outcomesOf(...calls: Call[]) {
  const [begin, start] = [vi.spyOn(store.tx, 'begin'), vi.spyOn(store.tx, 'startCall')];
  const codes: string[] = [];
  while (codes.length < calls.length) codes.push(...(await run(...calls.slice(codes.length))).map(codeOf));
  const told = { codes, begun: begin.mock.calls.length, runs: start.mock.calls.length };
  vi.restoreAllMocks();
  return told;
}
const answered = expect.stringMatching(/^{/) as unknown;

/** The log has no gap and knows no key but these, and these messages are in the queue. */
function expectStored(keys: string[], messages: string[]): void {
  const positions = column('SELECT position FROM log ORDER BY position');
  expect(positions).toEqual(positions.map((_, index) => index + 1));
  expect(column('SELECT key FROM log WHERE key IS NOT NULL ORDER BY position')).toEqual(keys);
  expect(column('SELECT id FROM queue_message ORDER BY rank')).toEqual(messages);
  expect(column('SELECT count(*) FROM rate_limit')).toEqual([0]);
  expect(column('PRAGMA integrity_check')).toEqual(['ok']);
}

describe('calls that fail after a write', () => {
  it('cost the others one more run, however many they are', async () => {
    const each = Array.from({ length: count }, (_, n) => n);
    const calls = each.flatMap((n) => [add(`m${n}`, `k${n}`), fails(`bad${n}`)]);
    const { codes, begun, runs } = await outcomesOf(...calls);
    expect(codes).toEqual(each.flatMap(() => [answered, 'invalid_input']));
    expect(begun).toBe(2);
    expect(runs).toBeLessThanOrEqual(2 * calls.length);
    expectStored(
      each.map((n) => `k${n}`),
      each.map((n) => `m${n}`),
    );
    // Their keys give the first answers, and what failed runs anew.
    const again = await outcomesOf(...calls);
    expect(again.codes).toEqual(codes);
    expect(column('SELECT count(*) FROM log')).toEqual([count]);
  });

  it('leave nothing of themselves, whatever is beside them: batches, waits, refusals, keys used twice', async () => {
    const { codes } = await outcomesOf(
      batch('b1', add('a'), add('b')),
      batch('b2', add('lost'), fails()),
      call('queues.claim', { queue: 'empty', waitMs: 5000 }, null, 0),
      add('a'),
      fails('bad'),
      add('c', 'k'),
      add('c', 'k'),
      call('queues.claim', { queue: 'q', max: 2 }, 'claim', 0),
      fails(),
    );
    const bad = 'invalid_input';
    expect(codes).toEqual([answered, bad, 'wait', 'exists', bad, answered, codes[5], answered, bad]);
    expect(codes[7]).toMatch(/"id":"a".*"id":"b"/);
    expectStored(['b1', 'k', 'claim'], ['a', 'b', 'c']);
    expect(column('SELECT attempts FROM queue_message ORDER BY rank')).toEqual([1, 1, 0]);
  });

  it('red control: without one, each call runs once', async () => {
    const calls = Array.from({ length: count }, (_, n) => add(`m${n}`));
    expect(await outcomesOf(...calls)).toEqual({ codes: calls.map(() => answered), begun: 1, runs: count });
  });
});

it('answers that are large together end a transaction, and the next goes on', async () => {
  await run(call('queues.add', { queue: 'q', id: 'big', body: { text: 'x'.repeat(1e6) } }));
  const calls = Array.from({ length: 40 }, () => call('queues.requeue', { queue: 'q', id: 'big' }));
  const first = await run(...calls, add('last'));
  expect(first.length).toBeGreaterThan(30);
  expect(first.length).toBeLessThan(36);
  expect(column("SELECT id FROM queue_message WHERE id = 'last'")).toEqual([]);
  const { codes, begun, runs } = await outcomesOf(...calls.slice(first.length), add('last'));
  expect([codes.at(-1), begun, runs]).toEqual([answered, 1, 41 - first.length]);
});

describe('calls that take long together', () => {
  it('are refused as an atomic batch, which names the one that was not begun; others are not', async () => {
    let ms = 0;
    vi.spyOn(process, 'threadCpuUsage').mockImplementation(() => ({ user: 1000 * (ms += 100), system: 0 }));
    const adds = (name: string, n: number) => Array.from({ length: n }, (_, index) => add(`${name}${index}`));
    const [refused, last] = await run(batch('long', ...adds('lost', 100)), add('last', 'k'));
    expect(refused).toMatchObject({ code: 'too_large', details: { index: maxBatchWorkMs / 100 } });
    expect(codeOf(last)).toEqual(answered);
    expectStored(['k'], ['last']);
    // Red control: as many as there is time for.
    const kept = adds('kept', maxBatchWorkMs / 100);
    expect((await run(batch('b', ...kept))).map(codeOf)).toEqual([answered]);
    expect(column('SELECT count(*) FROM queue_message')).toEqual([1 + kept.length]);
  });

  it('end a transaction, and the next goes on', async () => {
    let ms = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => (ms += 300));
    const calls = Array.from({ length: 10 }, (_, n) => add(`m${n}`));
    const first = (await run(...calls)).map(codeOf);
    expect(first).toEqual([answered, answered, answered, answered]);
    expectStored([], ['m0', 'm1', 'm2', 'm3']);
    const { codes, begun } = await outcomesOf(...calls.slice(first.length));
    expect([codes.length, begun]).toEqual([6, 2]);
  });
});

describe('where SQLite fails itself', () => {
  it.each([
    ['write to', 'history', (n: number) => remove(`old${n % 2}`)],
    ['read', 'rate_limit', () => fails()],
  ])('a damaged page fails the calls that %s it, and no other', async (_, table, meets) => {
    await run(add('old0'), add('old1'));
    const [path] = column('SELECT file FROM pragma_database_list') as string[];
    const [page] = column(`SELECT rootpage FROM sqlite_schema WHERE name = '${table}'`) as number[];
    store.db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    blank(path ?? '', 4096 * ((page ?? 0) - 1), 4096);
    store.db.exec('PRAGMA shrink_memory');
    const each = Array.from({ length: 20 }, (__, n) => n);
    const calls = each.flatMap((n) => [add(`m${n}`, `k${n}`), meets(n), batch('none', add('lost'), remove('absent'))]);
    const { codes, runs } = await outcomesOf(...calls);
    expect(codes).toEqual(each.flatMap(() => [answered, 'damaged', 'not_found']));
    // At first, with savepoints, and without the one that met damage.
    expect(runs).toBeLessThanOrEqual(3 * calls.length);
    expect(column('SELECT key FROM log WHERE key IS NOT NULL ORDER BY position')).toEqual(each.map((n) => `k${n}`));
    expect(column('SELECT id FROM queue_message ORDER BY rank')).toEqual(['old0', 'old1', ...each.map((n) => `m${n}`)]);
  });

  it('a full disk fails them all, and they work when it is not', async () => {
    const calls = [
      add('m0', 'k0'),
      fails(),
      call('queues.add', { queue: 'q', id: 'big', body: { text: 'x'.repeat(9e5) } }),
    ];
    const [pages] = column('PRAGMA page_count') as number[];
    store.db.exec(`PRAGMA max_page_count = ${(pages ?? 0) + 20}`);
    await expect(run(...calls)).rejects.toMatchObject({ errcode: 13 });
    expect(store.db.isTransaction).toBe(false);
    expectStored([], []);
    store.db.exec('PRAGMA max_page_count = 1000000');
    expect((await run(...calls)).map(codeOf)).toEqual([answered, 'invalid_input', answered]);
    expectStored(['k0'], ['m0', 'big']);
  });
});
