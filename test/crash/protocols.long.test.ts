import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AutostartHome } from '../helpers/autostart.ts';
import { send } from '../helpers/curl.ts';
import type { DaemonProcess } from '../helpers/daemon.ts';
import { newest, older, oldest, OldTree, ours, type Numbers } from '../helpers/old-tree.ts';
import { clean, judge, readBack } from '../helpers/verdict.ts';
import type { Report } from './protocols-process.ts';

// Invariant: clients and daemons are of several versions, each of them the real code. A newer client has an older daemon
// replaced, once, however many they are and whoever else calls meanwhile; an older client is served, whoever serves; no
// write is lost or happens twice.

const module = 'test/crash/protocols-process.ts';
const trees = new Map<Numbers, OldTree>();
const tree = (numbers: Numbers) => trees.get(numbers) as OldTree;
let home: AutostartHome;
beforeAll(() => {
  for (const numbers of [oldest, older, ours, newest]) trees.set(numbers, new OldTree(numbers));
});
afterAll(() => {
  for (const each of trees.values()) each[Symbol.dispose]();
});
beforeEach(() => {
  home = new AutostartHome();
});
afterEach(() => home[Symbol.asyncDispose]());

/** A daemon of this version, with the session that all write to. */
async function serve(numbers: Numbers): Promise<DaemonProcess> {
  const daemon = await home.start(tree(numbers).daemon);
  expect((await send(home.paths.socket, 'POST', '/v1/apps/test/sessions', { id: 's' })).status).toBe(201);
  return daemon;
}
interface Group {
  of: Numbers;
  processes?: number;
  writes: number;
  exit?: 'exit';
}
/** Runs applications that begin at the same time; answers the reports of each, and how they agree with what is stored. */
async function applications(...groups: Group[]) {
  const all = groups
    .flatMap((group) => Array.from({ length: group.processes ?? 1 }, () => group))
    .map(({ of, writes, exit = '' }, writer) => ({
      writer,
      ...tree(of).run<Report | 'ready'>(module, [String(writer), String(writes), exit], {}),
    }));
  await Promise.all(all.map(({ child, done }) => Promise.race([once(child, 'message'), done])));
  for (const { child } of all) child.send('go');
  const reports = await Promise.all(all.map(async ({ done }) => (await done).filter((message) => message !== 'ready')));
  const acknowledged = reports.flatMap((of, writer) =>
    of.flatMap((report) => ('version' in report ? [{ session: 's', writer, n: report.n }] : [])),
  );
  const verdict = async () => judge(acknowledged, await readBack(home.client(), ['s']));
  return { reports, acknowledged, verdict };
}
/** Who answered, in order, each once where it answered several times in a row. */
const turns = (reports: Report[]) =>
  reports
    .map((report) => ('version' in report ? report.version : report.refused))
    .filter((version, index, all) => version !== all[index - 1]);
const stops = (daemon: DaemonProcess) => daemon.log.filter(({ msg }) => msg === 'stopping').length;

describe('newer clients that find an older daemon', () => {
  it.each([
    ['first-tree-ai/first-tree#666: of the same protocol', 20, older, ours],
    ['of this protocol, which they do not speak any more', 4, ours, newest],
  ])('%s: %i have it replaced once, and every write happens once', async (_, processes, before, after) => {
    const daemon = await serve(before);
    const { reports, acknowledged, verdict } = await applications({ of: after, processes, writes: 3 });
    expect(acknowledged).toHaveLength(3 * processes);
    // One that is fast may be done before the older one has gone; nobody sees that again after the newer one.
    const order = [before.version, after.version];
    for (const of of reports) expect(turns(of)).toEqual(order.filter((version) => turns(of).includes(version)));
    expect(reports.map((of) => turns(of).at(-1))).toContain(after.version);
    expect(await daemon.exited).toEqual({ code: 0, signal: null });
    expect([stops(daemon), home.pids().length, home.starts().length]).toEqual([1, 1, 1]);
    expect(await verdict()).toEqual(clean);
  });

  it('and end at once after one call, as a command does: it is replaced all the same', async () => {
    const daemon = await serve(older);
    const { acknowledged } = await applications({ of: ours, writes: 1, exit: 'exit' });
    expect(acknowledged).toHaveLength(1);
    expect(await daemon.exited).toEqual({ code: 0, signal: null });
    const { reports } = await applications({ of: ours, writes: 1 });
    expect(turns(reports[0] ?? [])).toEqual([ours.version]);
    expect(home.pids()).toHaveLength(1);
  });
});

describe('clients of several versions at the same time', () => {
  it('kaeawc/auto-mobile#2046: the newest wins, the older ones attach to it, and nobody goes back', async () => {
    const daemon = await serve(older);
    const { reports, verdict } = await applications(
      { of: older, processes: 2, writes: 150 },
      { of: ours, processes: 2, writes: 150 },
      { of: newest, writes: 150 },
    );
    // Ours may have had its turn before the newest; nobody sees an older daemon after a newer one.
    const order = [older.version, ours.version, newest.version];
    for (const of of reports) {
      expect(turns(of)).toEqual(order.filter((version) => turns(of).includes(version)));
    }
    expect(turns(reports.at(-1) ?? []).at(-1)).toBe(newest.version);
    expect(await daemon.exited).toEqual({ code: 0, signal: null });
    expect(home.pids().length).toBeLessThanOrEqual(2);
    expect(await verdict()).toEqual(clean);
  });

  it('an older client on a newer daemon is served, and leaves it alone (red control of the count)', async () => {
    const daemon = await serve(newest);
    const { reports, verdict } = await applications({ of: oldest, writes: 20 }, { of: ours, writes: 20 });
    expect(reports.map(turns)).toEqual([[newest.version], [newest.version]]);
    expect([stops(daemon), home.pids(), existsSync(home.paths.upgrade)]).toEqual([0, [], false]);
    expect(await verdict()).toEqual(clean);
  });
});

const note = (agoMs: number) =>
  writeFileSync(home.paths.upgrade, JSON.stringify({ version: ours.version, at: Date.now() - agoMs }));

describe('themotionmachine/OmniFocus-MCP#99: a daemon that is too old, and was asked to go before', () => {
  it('lately: it is not served from silently, and the error names both sides and what to do', async () => {
    const daemon = await serve(oldest);
    note(120_000);
    const { reports } = await applications({ of: ours, processes: 2, writes: 2 });
    for (const report of reports.flat()) {
      expect(report).toMatchObject({ refused: 'incompatible' });
      expect(report).toHaveProperty('message', expect.stringContaining(`holdfast ${oldest.version} is running`));
      expect(report).toHaveProperty(
        'message',
        expect.stringContaining(`as in holdfast ${ours.version}. Upgrade the daemon`),
      );
    }
    expect([stops(daemon), home.pids()]).toEqual([0, []]);
  });

  it.each([
    ['two hours ago', 7_200_000],
    ['tomorrow, by a clock that was wrong', -86_400_000],
  ])('%s: it is asked again', async (_, agoMs) => {
    const daemon = await serve(oldest);
    note(agoMs);
    const { reports } = await applications({ of: ours, writes: 2 });
    expect(reports.map(turns)).toEqual([[ours.version]]);
    expect([(await daemon.exited).code, home.pids().length]).toEqual([0, 1]);
  });
});
