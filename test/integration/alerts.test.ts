import { renameSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { limits } from '../../daemon/metrics/counters.ts';
import type { Client } from '../../client/index.ts';
import { holdfast } from '../helpers/cli.ts';
import { curl } from '../helpers/curl.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { Scrape } from '../helpers/metrics.ts';
import { refusal } from '../helpers/refusal.ts';
import { changeOne, tamper } from '../helpers/tamper.ts';
import { until } from '../helpers/wait.ts';

// Invariant: what is wrong is raised once and cleared once, in the log, in health, in `holdfast status` and in the metrics,
// however often any of them is asked, and though nobody asks.

const url = 'https://example.org/';

let home: TestHome;
let daemon: DaemonProcess;
let client: Client;
const damagedBy = async (thread: string) =>
  (await Scrape.of(home.paths.socket)).value('holdfast_damaged_rows_total', { thread }) ?? NaN;
const reasons = async () => (await client.system.health()).reasons;
/** The lines about a reason, in their order. */
const told = (reason: string) => daemon.log.filter((line) => line['reason'] === reason).map(({ msg }) => msg);

beforeAll(async () => {
  home = new TestHome();
  const before = await home.start();
  const made = home.client();
  for (const name of ['sound', 'hurt']) await made.feeds.put({ name, url });
  await made.auth.put({ profile: 'p', kind: 'api-key', apiKey: 'example-key' });
  await made.sessions.create({ id: 's' });
  await made.sessions.append({ id: 's', messages: [{ id: 'm1' }, { id: 'm2' }] });
  await before.end();
  tamper(home.paths.database, (db) => {
    changeOne(db, "UPDATE feed SET url = 'https://example.com/' WHERE name = 'hurt'");
    changeOne(db, `UPDATE log SET content = '{"n":7}' WHERE id = 'm1'`);
  });
  daemon = await home.start();
  client = home.client();
});
afterAll(() => home[Symbol.asyncDispose]());

describe('what is wrong', () => {
  it('is raised once and cleared once in the log, though health is asked all the time', async () => {
    const { rootKey } = home.paths;
    expect(await reasons()).toEqual([]);
    renameSync(rootKey, `${rootKey}.away`);
    for (let n = 0; n < 20; n++) expect(await reasons()).toEqual(['key_missing']);
    expect((await Scrape.of(home.paths.socket)).value('holdfast_health_reason', { reason: 'key_missing' })).toBe(1);
    await until('it is raised', () => told('key_missing').length > 0);
    renameSync(`${rootKey}.away`, rootKey);
    for (let n = 0; n < 20; n++) expect(await reasons()).toEqual([]);
    expect((await Scrape.of(home.paths.socket)).value('holdfast_health_reason', { reason: 'key_missing' })).toBe(0);
    await until('it is cleared', () => told('key_missing').length > 1);
    expect(told('key_missing')).toEqual(['health: raised', 'health: cleared']);
  });

  it('P3.4: one store that is damaged is told, by status with exit code 1, and the others serve', async () => {
    expect((await holdfast(home, ['status'])).code).toBe(0);
    const [main, writer, reader] = [await damagedBy('main'), await damagedBy('writer'), await damagedBy('reader')];
    expect((await refusal(client.feeds.get({ name: 'hurt' }))).code).toBe('damaged');
    expect(await damagedBy('main')).toBe(main + 1);
    expect((await refusal(client.feeds.patch({ name: 'hurt', patch: { category: 'c' } }))).code).toBe('damaged');
    await until('the writer has told', async () => (await damagedBy('writer')) > writer);
    const lines = await Array.fromAsync(client.sessions.stream({ id: 's' }));
    expect(lines.filter((line) => 'damaged' in (line as object))).toHaveLength(1);
    await until('the reader has told', async () => (await damagedBy('reader')) > reader);
    expect((await client.feeds.get({ name: 'sound' })).url).toBe(url);
    expect(await client.system.health()).toMatchObject({ status: 'degraded', reasons: ['damage_found'] });
    const { code, stdout } = await holdfast(home, ['status']);
    expect([code, stdout]).toEqual([1, expect.stringMatching(/damage_found: .*'holdfast doctor'/)]);
    expect(told('damage_found')).toEqual(['health: raised']);
    // Red control: reads of what is sound count nothing.
    const before = await damagedBy('main');
    await client.feeds.get({ name: 'sound' });
    expect(await damagedBy('main')).toBe(before);
  });

  it('so are calls that are not valid, when they are many', async () => {
    const calls = Array.from({ length: limits.invalid / 2 + 1 }, () => ({ op: 'feeds.put', app: 'test', input: {} }));
    await client.batch.run({ calls: calls as never });
    expect(await reasons()).not.toContain('inputs_refused');
    await client.batch.run({ calls: calls as never });
    expect(await reasons()).toContain('inputs_refused');
    expect((await holdfast(home, ['status'])).stdout).toMatch(/inputs_refused: .*'holdfast logs'/);
    expect((await curl(home.paths.socket, 'GET', '/v1/health')).status).toBe(200);
  });
});

it('nobody needs to ask: what is wrong is raised, what was mended is counted, also a start after a kill', async () => {
  const count = async (kind: string) =>
    (await Scrape.of(home.paths.socket)).value('holdfast_recoveries_total', { kind });
  expect([await count('socket_remade'), await count('unclean_start')]).toEqual([0, 0]);
  const before = told('key_missing').length;
  renameSync(home.paths.rootKey, `${home.paths.rootKey}.away`);
  renameSync(home.paths.socket, `${home.paths.socket}.away`);
  await until('it is raised', () => told('key_missing').length > before, 30_000);
  await until('it listens again', () => daemon.log.some(({ msg }) => String(msg).includes('listening again')), 30_000);
  expect(await count('socket_remade')).toBe(1);
  await daemon.end('SIGKILL');
  daemon = await home.start();
  expect(await count('unclean_start')).toBe(1);
  expect(daemon.log.filter(({ msg }) => /^unclean: .*killed/.test(String(msg)))).toHaveLength(1);
});
