import { readFileSync, statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { limits } from '../../daemon/metrics/counters.ts';
import { contract } from '../../shared/contract.ts';
import { errorTable } from '../../shared/errors.ts';
import { reasonCodes } from '../../shared/reasons.ts';
import { curl } from '../helpers/curl.ts';
import { root, TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { EventReader } from '../helpers/events.ts';
import { Scrape } from '../helpers/metrics.ts';
import { refusal } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

// Invariant: the metrics say what happened, in words of the contract: what a caller wrote is in none of them, but the name of
// its application.

const url = 'https://example.org/marker';
const operations = Object.entries(contract).flatMap(([kind, verbs]) =>
  Object.keys(verbs).map((verb) => `${kind}.${verb}`),
);

let home: TestHome;
let daemon: DaemonProcess;
const scrape = () => Scrape.of(home.paths.socket);
const get = (path: string, headers = {}) => curl(home.paths.socket, 'GET', path, { headers });
const batch = (...calls: object[]) => home.client().batch.run({ calls: calls as never });
const put = (input: object) => ({ op: 'feeds.put', app: 'test', input });
/** How much a counter grows by what `work` does. */
async function growth(work: () => Promise<unknown>, name: string, labels: Record<string, string>): Promise<number> {
  const before = (await scrape()).value(name, labels) ?? 0;
  await work();
  return ((await scrape()).value(name, labels) ?? 0) - before;
}

beforeAll(async () => {
  home = new TestHome();
  daemon = await home.start({ env: { HOLDFAST_LOG_LEVEL: 'debug' } });
  // The sizes are read with the first answer, and then not for a while.
  const { sessions } = home.client({ app: 'sized' });
  await sessions.create({ id: 'marker', title: 'marker', workingDirectory: '/marker' });
  await sessions.append({ id: 'marker', messages: [{ text: 'marker' }, { text: 'marker' }] });
});
afterAll(() => home[Symbol.asyncDispose]());

describe('/v1/metrics', () => {
  it('is Prometheus text, for the client a text, and no line of the log, at any level', async () => {
    const { status, headers, text } = await curl(home.paths.socket, 'GET', '/v1/metrics');
    expect([status, headers['content-type']]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
    for (const scraped of [text, await home.client().system.metrics()]) {
      expect(new Scrape(scraped).value('holdfast_build_info')).toBe(1);
    }
    // Red control: one that is refused.
    const refused = await curl(home.paths.socket, 'GET', '/v1/metrics?format=json');
    const of = (id: unknown) => daemon.log.filter(({ requestId }) => requestId === id);
    await until('the refusal is logged', () => of(refused.headers['x-request-id']).length > 0);
    expect(daemon.log.filter(({ op }) => op === 'system.metrics')).toMatchObject([{ code: 'invalid_input' }]);
    expect(of(headers['x-request-id'])).toEqual([]);
  });

  it('counts each write that was answered, by its outcome, also inside a batch', async () => {
    const { feeds } = home.client();
    const three = () => Promise.all(['x', 'y', 'z'].map((name) => feeds.put({ name, url })));
    expect(await growth(three, 'holdfast_writes_total', { op: 'feeds.put', code: 'ok' })).toBe(3);
    expect(await growth(three, 'holdfast_write_wait_seconds_count', {})).toBe(3);
    const again = () => refusal(feeds.put({ name: 'x', url, ifAbsent: true }));
    expect(await growth(again, 'holdfast_writes_total', { code: 'exists' })).toBe(1);
    const one = () => feeds.get({ name: 'x' });
    expect(await growth(one, 'holdfast_writes_total', {})).toBe(0);
    expect(await growth(one, 'holdfast_requests_total', { op: 'feeds.get', code: 'ok' })).toBe(1);
    expect(await growth(one, 'holdfast_request_duration_seconds_count', { op: 'feeds.get' })).toBe(1);
    const none = () => refusal(feeds.get({ name: 'none' }));
    expect(await growth(none, 'holdfast_requests_total', { op: 'feeds.get', code: 'not_found' })).toBe(1);
  });

  it('counts what is not valid, under the name of an operation or under none', async () => {
    const name = 'holdfast_validation_errors_total';
    expect(await growth(() => get('/v1/apps/test/feeds?limit=0'), name, { op: 'feeds.list' })).toBe(1);
    expect(await growth(() => batch(put({}), put({ name: 'marker' })), name, { op: 'feeds.put' })).toBe(2);
    const unknown = { op: 'marker.marker', app: 'test', input: {} };
    expect(await growth(() => batch(unknown), name, { op: 'none' })).toBe(1);
    const long = { x: 'x'.repeat(40_000) };
    const requests = 'holdfast_requests_total';
    expect(await growth(() => get('/v1/none', long), requests, { op: 'none', code: 'headers_too_large' })).toBe(1);
  });

  it('tells what there is: sizes, readers, the search index, the daemon itself', async () => {
    const client = home.client({ app: 'sized' });
    using reader = await EventReader.open(home.paths.socket);
    await until('it follows', async () => (await scrape()).value('holdfast_change_stream_readers') === 1);
    await client.search.messages({ q: 'marker', fresh: true });
    await until('the index has told', async () => (await scrape()).value('holdfast_search_lag_changes') === 0, 30_000);
    const now = await scrape();
    const { version } = await client.system.health();
    expect(now.value('holdfast_database_bytes')).toBe(statSync(home.paths.database).size);
    expect(now.value('holdfast_wal_bytes')).toBeGreaterThanOrEqual(0);
    const sizes = ['bytes', 'messages', 'sessions'].map((what) => now.value(`holdfast_app_${what}`, { app: 'sized' }));
    expect(sizes).toEqual([2 * '{"text":"marker"}'.length, 2, 1]);
    expect(now.value('holdfast_free_bytes')).toBeGreaterThan(0);
    expect(now.value('holdfast_build_info', { version, node: process.version, protocol: '1' })).toBe(1);
    expect(now.value('holdfast_write_queue_depth')).toBe(0);
    expect(now.value('holdfast_backup_age_seconds')).toBeNaN();
    expect(now.value('holdfast_last_clean_stop_timestamp_seconds')).toBeNaN();
    expect(now.value('holdfast_last_commit_timestamp_seconds')).toBeGreaterThan(
      now.value('process_start_time_seconds') ?? NaN,
    );
    reader[Symbol.dispose]();
    await until('it left', async () => (await scrape()).value('holdfast_change_stream_readers') === 0);
  });

  it('has no label but words of ours, and nothing of what the calls above held', async () => {
    const { samples, text } = await scrape();
    expect(text).not.toContain('marker');
    const allowed: Record<string, string[]> = {
      op: [...operations, 'none'],
      code: ['ok', 'aborted', ...Object.keys(errorTable)],
      thread: ['main', 'reader', 'writer'],
      reason: [...reasonCodes],
      status: contract.system.health.output.shape.status.options,
      app: ['test', 'sized'],
    };
    // What the daemon does by itself, and labels that only one metric has.
    const own = /^log\.(newest|prune)$|^sweep\.(auth|files|pending|sessions)$/;
    const free = /_bucket le$|^holdfast_recoveries_total kind$|^holdfast_build_info /;
    const strange = samples.flatMap(({ name, labels }) =>
      Object.entries(labels).filter(
        ([label, value]) => !(allowed[label]?.includes(value) || free.test(`${name} ${label}`) || own.test(value)),
      ),
    );
    expect(strange).toEqual([]);
    expect(new Set(samples.map(({ name, labels }) => name + JSON.stringify(labels))).size).toBe(samples.length);
  });
});

/** The metrics that a query asks for. */
const asked = (text: string) => new Set(text.match(/\b(?:holdfast|process|nodejs)_\w+/g));

describe('the rules and the board', () => {
  const rules = readFileSync(`${root}/daemon/monitoring/alerts.yml`, 'utf8');
  const board = readFileSync(`${root}/daemon/monitoring/grafana.json`, 'utf8');

  it('ask for metrics that there are', async () => {
    const { names } = await scrape();
    const queries = (JSON.parse(board) as { panels: { targets: { expr: string }[] }[] }).panels.flatMap(({ targets }) =>
      targets.map(({ expr }) => expr),
    );
    for (const text of [rules, queries.join('\n')]) {
      expect(asked(text).size).toBeGreaterThan(4);
      expect([...asked(text)].filter((name) => !names.has(name))).toEqual([]);
    }
    // Red control.
    expect([...asked('rate(holdfast_nothing_total[5m])')].filter((name) => !names.has(name))).toHaveLength(1);
  });

  it('have the numbers of the reasons in health', () => {
    expect(rules).toContain(`> ${limits.failedShare} * `);
    expect(rules).toContain(`holdfast_writes_total[${limits.failedMs / 60_000}m]`);
    expect(rules).toContain(`holdfast_damaged_rows_total[${limits.damagedMs / 60_000}m]))`);
    expect(rules).toContain(`holdfast_validation_errors_total[${limits.invalidMs / 60_000}m])) > ${limits.invalid}`);
    const codes = Array.from(rules.matchAll(/alert: \w+ # ([a-z_]+)$/gm), ([, code]) => code);
    expect(codes).toEqual(['writes_failing', 'damage_found', 'writer_stalled', 'inputs_refused']);
    expect([...reasonCodes]).toEqual(expect.arrayContaining(codes));
  });
});
