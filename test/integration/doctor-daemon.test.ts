import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAlive } from '../../client/start-lock.ts';
import { protocol } from '../../shared/protocol.ts';
import { healthy, holdfast } from '../helpers/cli.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { diagnose, diagnoseAll, furnish, named } from '../helpers/doctor.ts';
import { FakeDaemon, good } from '../helpers/fake-daemon.ts';
import { Markers, storeEverySecret } from '../helpers/secrets.ts';
import { until } from '../helpers/wait.ts';

interface Document {
  schema: number;
  checks: string[];
  findings: { check: string; level: string; what: string; why: string; fix: string | null; mendable: boolean }[];
  repairs: { check: string; done: boolean }[];
}
const parse = (text: string) => JSON.parse(text) as Document;

/** One home, one after the other: each test finds the daemon as the one before left it. */
describe('doctor and a daemon', () => {
  const markers = new Markers();
  let home: TestHome;
  let daemon: DaemonProcess;
  beforeAll(async () => {
    home = new TestHome();
    daemon = await home.start();
    await storeEverySecret(home, markers);
  });
  afterAll(() => home[Symbol.asyncDispose]());

  it('finds nothing wrong with one that is well, and says so', async () => {
    const { code, stdout, stderr } = await holdfast(home, ['doctor']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^holdfast is well: nothing is to be mended \(\d+ checks\)\.\n\nNote: HOLDFAST_HOME is /);
    const document = parse((await holdfast(home, ['doctor', '--json', '--fix'])).stdout);
    expect(document).toMatchObject({ schema: 1, repairs: [] });
    expect(document.checks).toEqual(expect.arrayContaining(['database', 'key', 'socket', 'clock']));
    expect(document.findings.map(({ level }) => level)).not.toContain('problem');
  });

  it('leaves it the one owner of its data, and its files as they were', async () => {
    await diagnose(home);
    const second = home.spawn();
    expect((await second.exited).code).toBe(75);
    expect((await home.client().system.health()).status).toBe('ok');
  });

  it('shows a bundle and saves it, with no secret, no record and no home in it, and writes over no file', async () => {
    const file = join(home.home, 'bundle.json');
    const line = `Authorization: Bearer ${markers.token('of a log')} (file://${home.home}/x.js)\n`;
    writeFileSync(home.paths.log, line, { mode: 0o600 });
    const { code, stdout, stderr } = await holdfast(home, ['doctor', '--bundle', file]);
    expect([code, stderr]).toEqual([0, `Saved to ${file}. Read it before you send it to anybody.\n`]);
    expect([readFileSync(file, 'utf8'), statSync(file).mode & 0o777]).toEqual([stdout, 0o600]);
    const bundle = JSON.parse(stdout) as { files: { path: string }[]; status: { state: string } };
    expect(bundle).toMatchObject({ schema: 1, status: { state: 'running' }, database: { checked: true } });
    expect(bundle.files.map(({ path }) => path)).toContain('~/data/holdfast.db');
    expect(stdout).toContain('Authorization: Bearer [redacted] (file://~/x.js)');
    expect(markers.in(stdout)).toEqual([]);
    expect(stdout).not.toContain(home.home);
    expect(stdout).not.toContain('example.org');
    // Red control: what is searched for is found where it stands.
    expect(markers.in(`${stdout}${[...markers.all.values()][0]}`)).toHaveLength(1);
    const again = await holdfast(home, ['doctor', '--bundle', file]);
    expect([again.code, again.stdout]).toEqual([2, '']);
    expect(again.stderr).toContain('is there already');
  });

  it('tells a root key that is gone, of a daemon that runs', async () => {
    renameSync(home.paths.rootKey, join(home.home, 'key'));
    const [found] = await diagnose(home);
    expect(found).toMatchObject({ check: 'key', level: 'problem', fix: 'holdfast key restore' });
  });

  it('tells one that is suspended, and how it goes on', async () => {
    renameSync(join(home.home, 'key'), home.paths.rootKey);
    daemon.child.kill('SIGSTOP');
    const { code, stdout } = await holdfast(home, ['doctor', '--json']);
    renameSync(home.paths.socket, join(home.home, 'socket'));
    const unheard = await diagnose(home);
    renameSync(join(home.home, 'socket'), home.paths.socket);
    daemon.child.kill('SIGCONT');
    expect(code).toBe(1);
    // Whoever owns the data is known by the lock alone, where the system has a table of locks.
    const owner = { check: 'ownership', level: 'warning', fix: `kill -9 ${daemon.pid}` };
    expect(unheard).toMatchObject(existsSync('/proc/locks') ? [owner] : []);
    const wrong = parse(stdout).findings.filter(({ level }) => level !== 'note');
    expect(wrong).toMatchObject([
      { check: 'daemon', level: 'problem', fix: expect.stringMatching(RegExp(`-(CONT|9) ${daemon.pid}$`)) as string },
    ]);
    await until('it goes on', async () => (await diagnose(home)).length === 0);
  });

  it('clears away what one that was killed has left, and finds nothing after that', async () => {
    await daemon.end('SIGKILL');
    await until('it is gone', () => !isAlive(daemon.pid));
    const first = parse((await holdfast(home, ['doctor', '--fix', '--dry-run', '--json'])).stdout);
    expect(first.repairs).toMatchObject([{ check: 'socket', done: false }]);
    expect(existsSync(home.paths.socket)).toBe(true);
    expect(named(await diagnoseAll(home))).toEqual(
      expect.arrayContaining(['socket warning', 'daemon note', 'last-stop note']),
    );
    const { code, stderr } = await holdfast(home, ['doctor', '--fix']);
    expect([code, stderr]).toEqual([0, `Done: remove the socket ${home.paths.socket}.\n`]);
    expect(existsSync(home.paths.socket)).toBe(false);
    expect(await diagnose(home)).toEqual([]);
  });

  it('tells a root key that is gone, of one that is stopped', async () => {
    renameSync(home.paths.rootKey, join(home.home, 'key'));
    const [found] = await diagnose(home);
    expect(found).toMatchObject({ check: 'key', level: 'problem', fix: 'holdfast key restore' });
    renameSync(join(home.home, 'key'), home.paths.rootKey);
    expect(await diagnose(home)).toEqual([]);
  });
});

describe('doctor and one of another version', () => {
  it.each([
    ['problem', { protocol: protocol - 1, version: '0.0.1' }, 'holdfast restart'],
    ['problem', { protocol: protocol + 1, version: '99.0.0' }, 'npm install --global holdfast'],
    ['warning', { version: '0.0.1' }, 'holdfast restart'],
    ['note', { version: '99.0.0' }, 'npm install --global holdfast'],
  ])('says a %s of %j', async (level, about, fix) => {
    await using home = new TestHome();
    mkdirSync(dirname(home.paths.socket), { recursive: true, mode: 0o700 });
    await using _ = await FakeDaemon.listen(home.paths.socket, (response) => good(response, { ...healthy, ...about }));
    const found = (await diagnoseAll(home)).filter(({ check }) => check === 'versions');
    expect(found).toMatchObject([{ level, fix }]);
  });

  it('passes on each reason of one that is not well, and finds none in an answer without them', async () => {
    await using home = new TestHome();
    mkdirSync(dirname(home.paths.socket), { recursive: true, mode: 0o700 });
    const answer = {
      ...healthy,
      version: undefined,
      reasons: ['search_failed', 'owner_lock_replaced', 'key_locked'] as string[] | undefined,
    };
    await using _ = await FakeDaemon.listen(home.paths.socket, (response) => good(response, answer));
    const found = await diagnose(home);
    expect(found.map(({ check, fix }) => `${check}: ${fix}`)).toEqual(
      expect.arrayContaining(['daemon: holdfast restart', 'daemon: holdfast restart', 'key: holdfast key unlock']),
    );
    answer.reasons = undefined;
    expect((await diagnose(home)).filter(({ check }) => check !== 'files')).toEqual([]);
  });
});

it('without a Node that is new enough it says so, and looks at what it can', async () => {
  await using home = new TestHome();
  furnish(home);
  writeFileSync(home.paths.database, 'x', { mode: 0o600 });
  const before = process.env['HOLDFAST_NODE'];
  process.env['HOLDFAST_NODE'] = '/gone/node';
  try {
    const all = named(await diagnoseAll(home));
    expect(all).toEqual(expect.arrayContaining(['node problem', 'database note', 'environment note']));
  } finally {
    if (before === undefined) delete process.env['HOLDFAST_NODE'];
    else process.env['HOLDFAST_NODE'] = before;
  }
});

it('wrong usage is told, and nothing is done', async () => {
  await using home = new TestHome();
  for (const args of [['--dry-run'], ['file.json'], ['--bundle', 'a', 'b']]) {
    expect(await holdfast(home, ['doctor', ...args])).toMatchObject({ code: 2, stdout: '' });
  }
});
