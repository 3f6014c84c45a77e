import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../helpers/daemon.ts';
import { ServiceHome } from '../helpers/service.ts';

// `holdfast service` on Linux, with a systemctl that only takes notes. test/system/service.test.ts has the real one.

interface Document {
  schema: number;
  files: { path: string; action: string }[];
  commands: { command: string; exitCode: number | null }[];
  notes: string[];
  node: string;
  left: string[];
  installed: boolean;
  mine: boolean;
  current: boolean;
  running: boolean;
}

const json = (text: string) => JSON.parse(text) as Document;
const systemctl = (...commands: string[]) => commands.map((command) => `systemctl --user ${command}`);

/** One after the other: each test finds the home as the one before left it. */
describe('holdfast service, step by step', () => {
  let home: ServiceHome;
  let empty: string[];
  beforeAll(() => {
    home = new ServiceHome();
    empty = home.tree();
  });
  afterAll(() => home[Symbol.dispose]());

  it('install --dry-run tells what it would do, and does nothing', async () => {
    const { code, stdout } = await home.service(['install', '--dry-run']);
    expect(code).toBe(0);
    expect(stdout).toContain(`would write  ${home.unit}\n`);
    expect(stdout).toContain('would run    systemctl --user start holdfast.service\n');
    expect([home.tree(), home.asked()]).toEqual([empty, []]);
  });

  it('status says that nothing is installed, with exit code 1', async () => {
    const { code, stdout } = await home.service(['status']);
    expect([code, stdout]).toEqual([1, "No service is installed: 'holdfast service install' does it.\n"]);
  });

  it('install writes the unit, enables and starts it, and tells each step and what linger is', async () => {
    const { code, stdout } = await home.service(['install']);
    const ran = systemctl('daemon-reload', 'enable holdfast.service', 'start holdfast.service');
    expect([code, home.asked()]).toEqual([0, ran]);
    for (const line of [`wrote        ${home.unit}`, ...ran.map((command) => `running      ${command}`)]) {
      expect(stdout).toContain(`${line}\n`);
    }
    expect(stdout).toMatch(/loginctl enable-linger \S+/);
    expect(stdout).toContain(realpathSync(process.execPath));
  });

  it('install again changes nothing, also as a document', async () => {
    const before = home.tree();
    const { code, stdout } = await home.service(['install', '--json']);
    expect([code, home.asked(), home.tree()]).toEqual([0, [], before]);
    const about = json(stdout);
    expect(about).toMatchObject({ schema: 1, commands: [], node: realpathSync(process.execPath) });
    expect(about.files).toEqual([{ path: home.unit, action: 'unchanged' }]);
  });

  it('status says that it runs, and tells a unit that is not ours any more', async () => {
    const good = await home.service(['status', '--json']);
    expect([good.code, json(good.stdout)]).toMatchObject([
      0,
      { installed: true, mine: true, current: true, running: true },
    ]);
    writeFileSync(home.unit, `${readFileSync(home.unit, 'utf8')}# of an older version\n`);
    const old = await home.service(['status']);
    expect([old.code, old.stdout]).toEqual([0, expect.stringContaining('run that.\n')]);
  });

  it('install renews an older unit, and restarts the daemon with it', async () => {
    expect(await home.service(['install'])).toMatchObject({ code: 0 });
    const ran = systemctl('daemon-reload', 'reset-failed holdfast.service', 'restart holdfast.service');
    expect(home.asked()).toEqual(ran);
    expect(readFileSync(home.unit, 'utf8')).not.toContain('older version');
  });

  it('is not taken over by another home of the same user, and that one does not remove it either', async () => {
    const before = home.tree();
    for (const command of ['install', 'uninstall']) {
      const { code, stderr } = await home.service([command], { env: { HOLDFAST_HOME: `${home.home}/other` } });
      expect([code, stderr]).toEqual([1, expect.stringContaining(`${home.home}/.local/share/holdfast`)]);
    }
    const { code, stdout } = await home.service(['status'], { env: { HOLDFAST_HOME: `${home.home}/other` } });
    expect([code, stdout]).toEqual([1, expect.stringContaining('another directory')]);
    expect([home.tree(), home.asked()]).toEqual([before, []]);
  });

  it('uninstall --dry-run removes nothing', async () => {
    const before = home.tree();
    const { code, stdout } = await home.service(['uninstall', '--dry-run']);
    expect([code, stdout]).toEqual([0, expect.stringContaining(`would remove ${home.unit}\n`)]);
    expect([home.tree(), home.asked()]).toEqual([before, []]);
  });

  it('uninstall stops, disables and removes it, and lists what is left', async () => {
    const data = join(home.home, '.local', 'share', 'holdfast');
    mkdirSync(data, { recursive: true });
    const { code, stdout } = await home.service(['uninstall', '--json']);
    expect([code, home.asked()]).toEqual([0, systemctl('disable --now holdfast.service', 'daemon-reload')]);
    expect(json(stdout).left).toEqual([data]);
    expect(home.tree()).toEqual([...empty, '.local', '.local/share', '.local/share/holdfast'].toSorted());
  });

  it('uninstall again says that there is nothing', async () => {
    const { code, stdout } = await home.service(['uninstall']);
    expect([code, stdout, home.asked()]).toEqual([0, expect.stringContaining('No service is installed.'), []]);
  });
});

describe('holdfast service', () => {
  it('says what to do where the user has no systemd, and writes nothing', async () => {
    using home = new ServiceHome();
    const before = home.tree();
    home.set('absent');
    for (const command of ['install', 'status']) {
      const { code, stderr } = await home.service([command]);
      expect([code, stderr]).toEqual([69, expect.stringMatching(/no systemd .*No medium found.*'holdfast start'/)]);
    }
    expect(home.tree()).toEqual(before);
  });

  it('removes the files also when the manager is gone', async () => {
    using home = new ServiceHome();
    const before = home.tree();
    await home.service(['install']);
    expect(existsSync(home.unit)).toBe(true);
    home.set('absent');
    expect(await home.service(['uninstall'])).toMatchObject({ code: 0 });
    expect(home.tree()).toEqual(before);
  });

  it('says so when systemd looks for units elsewhere, or cannot start it', async () => {
    using home = new ServiceHome();
    const elsewhere = await home.service(['install'], { env: { FAKE_FRAGMENT: '/elsewhere/holdfast.service' } });
    expect([elsewhere.code, elsewhere.stderr]).toEqual([69, expect.stringContaining('XDG_CONFIG_HOME')]);
    home.set('failing');
    const failing = await home.service(['install']);
    expect([failing.code, failing.stderr]).toEqual([69, expect.stringContaining('Job for holdfast.service failed.')]);
  });

  it.each([[[]], [['remove']], [['install', 'now']], [['install', '--force']], [['status', '--dry-run']]])(
    'answers wrong usage %j with 2, and does nothing',
    async (args) => {
      using home = new ServiceHome();
      expect(await home.service(args)).toMatchObject({ code: 2, stdout: '' });
      expect(home.asked()).toEqual([]);
    },
  );
});

const startByManager = async (home: ServiceHome, env: NodeJS.ProcessEnv = {}) => {
  const module = join(root, 'client', 'service-manager.ts');
  const code = `import { startByManager } from ${JSON.stringify(module)};
    console.log(await startByManager(process.env).catch((error) => error.code + ': ' + error.message));`;
  return (await home.node(['--input-type=module', '--eval', code], { env })).stdout.trim();
};

describe('startByManager', () => {
  it('starts the service of this home, and no other', async () => {
    using home = new ServiceHome();
    const own = { HOLDFAST_HOME: join(home.home, 'own') };
    expect(await startByManager(home, own)).toBe('false');
    await home.service(['install'], { env: own });
    home.asked();
    expect(await startByManager(home)).toBe('false');
    expect(home.asked()).toEqual([]);
    expect(await startByManager(home, own)).toBe('true');
    expect(home.asked()).toEqual(systemctl('start holdfast.service'));

    home.set('failing');
    expect(await startByManager(home, own)).toMatch(
      /^unavailable: .*Job for holdfast.service failed.*systemctl --user status/,
    );
    home.set('absent');
    expect(await startByManager(home, own)).toBe('false');
  });
});
