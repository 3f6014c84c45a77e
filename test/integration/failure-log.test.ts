import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import type { Problem } from '../../shared/errors.ts';
import { curl } from '../helpers/curl.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { until } from '../helpers/wait.ts';

// Invariant: a log grows by what went wrong, not by what went on. One daemon: each test counts the lines that it adds.

let home: TestHome;
let daemon: DaemonProcess;
let client: Client;
beforeAll(async () => {
  home = new TestHome();
  daemon = await home.start({ env: { HOLDFAST_LOG_LEVEL: 'debug' } });
  client = home.client();
});
afterAll(() => home[Symbol.asyncDispose]());

/** The lines that a call adds: all of them are there when the line of a refusal that comes after it is. */
async function linesOf(call: () => Promise<unknown>): Promise<unknown[]> {
  const before = daemon.log.length;
  await call();
  const { json } = await curl(home.paths.socket, 'GET', '/v1/nowhere');
  const last = () => daemon.log.findIndex(({ requestId }) => requestId === (json as Problem).requestId);
  return daemon.log.slice(before, await until('the refusal is logged', () => last() >= before && last()));
}
const times = (count: number, call: (number: number) => Promise<unknown>) => async () => {
  for (let number = 0; number < count; number++) await call(number);
};

const work = async (number: number) => {
  await client.feeds.put({ name: `feed-${number % 7}`, url: 'https://example.org/' });
  await client.feeds.get({ name: `feed-${number % 7}` });
  await client.feeds.list();
};

describe('a daemon that works', () => {
  it('moadim-io/daemon#316: does not log who asks for its health, at any level; what it refuses it does (red control)', async () => {
    expect(await linesOf(times(300, () => client.system.health()))).toEqual([]);
    const refused = await linesOf(() => client.feeds.get({ name: 'none' }).catch(() => undefined));
    expect(refused).toMatchObject([{ code: 'not_found' }]);
  });

  it('zvec-ai/zvec-grep#138: does not log the calls it answers in time', async () => {
    const lines = (await linesOf(times(200, work))) as { level: number; msg: string }[];
    // Red control: at the level of debug all of them are there.
    expect(lines.filter(({ msg }) => msg === 'done' || msg === 'slow')).toHaveLength(600);
    // On a machine under load some are slow, and that is told.
    expect(lines.filter(({ level, msg }) => level >= 30 && msg !== 'slow')).toEqual([]);
  });
});
