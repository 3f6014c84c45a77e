import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../helpers/daemon.ts';
import { UserSystemd } from '../helpers/user-systemd.ts';
import { until } from '../helpers/wait.ts';

// The service under a real `systemd --user`, in a home whose path has a space. One after the other: each test finds the
// machine as the one before left it.

let machine: UserSystemd;
let unit: string;
let empty: string[];
const tree = () => readdirSync(machine.home, { recursive: true, encoding: 'utf8' }).toSorted();
const service = (...args: string[]) => machine.holdfast(['service', ...args]);
const state = () => machine.property('ActiveState');
const running = async () => (await machine.holdfast(['health'])).code === 0;
const otherPid = async (than: number | undefined) => {
  const pid = await machine.pid();
  return pid !== than && (await state()) === 'active' && pid;
};

beforeAll(async () => {
  machine = await UserSystemd.open();
  unit = join(machine.home, '.config', 'systemd', 'user', 'holdfast.service');
  empty = tree();
});
afterAll(() => machine[Symbol.asyncDispose]());

describe('install', () => {
  it('takes over from a daemon that was started by hand', async () => {
    expect(await machine.holdfast(['start'])).toMatchObject({ code: 0 });
    expect(await service('install')).toMatchObject({ code: 0, stderr: '' });
    expect([await state(), await running()]).toEqual(['active', true]);
    expect(JSON.parse((await machine.holdfast(['health'])).stdout)).toMatchObject({ pid: await machine.pid() });
    expect(await service('status')).toMatchObject({ code: 0 });
  });

  it('again changes nothing', async () => {
    const pid = await machine.pid();
    expect((await service('install')).stdout).toContain('It is installed already.');
    expect(await machine.pid()).toBe(pid);
  });

  it('phnx-labs/agi-cli#2390: has a unit without a fault, which systemd has understood', async () => {
    // systemd-analyze takes no path with a space in it.
    const verify = async (text: string) => {
      const copy = '/run/user/4242/verify/holdfast.service';
      const script = `mkdir -p "\${1%/*}" && cat >"$1" <<'EOF'\n${text}\nEOF\nsystemd-analyze --user --man=no verify "$1"`;
      return await machine.run('sh', '-c', script, 'sh', copy);
    };
    const text = readFileSync(unit, 'utf8');
    expect(await verify(text)).toMatchObject({ code: 0, stdout: '', stderr: '' });
    // Red controls: a setting in the wrong section, a word that systemd does not know.
    const moved = text.replace(/^StartLimitBurst=.*$/m, '').replace('[Service]', '[Service]\nStartLimitBurst=5');
    for (const wrong of [moved, text.replace('on-failure', 'on-failures')]) {
      expect((await verify(wrong)).stderr).toMatch(/Unknown key name|Failed to parse/);
    }
    expect([await machine.property('StartLimitBurst'), await machine.property('StartLimitIntervalUSec')]).toEqual([
      '5',
      '10min',
    ]);
  });

  it('is hardened as far as every user may: exposure 6.2 of 10, and more without it', async () => {
    const score = async (text: string) => {
      const copy = '/run/user/4242/score/holdfast.service';
      const analyze = 'systemd-analyze security --offline=true --no-pager --threshold=63 "$1"';
      return machine.run('sh', '-c', `mkdir -p "\${1%/*}" && cat >"$1" <<'EOF'\n${text}\nEOF\n${analyze}`, 'sh', copy);
    };
    const text = readFileSync(unit, 'utf8');
    expect((await score(text)).code).toBe(0);
    const bare = text.replaceAll(/^(NoNew|Restrict[AN]|RestrictS|Lock|SystemCall|UMask).*$/gm, '');
    expect((await score(bare)).code).not.toBe(0);
    const status = readFileSync(`/proc/${await machine.pid()}/status`, 'utf8');
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(status).toMatch(/^Seccomp:\t2$/m);
    // What the daemon does against secrets in cores works under the filter.
    expect(readFileSync(`/proc/${await machine.pid()}/coredump_filter`, 'utf8')).toBe('00000000\n');
  });
});

describe('the service', () => {
  const put = ['feeds', 'add', '--app', 'test', 'news', 'https://example.org/'];

  it('is started again after a crash, with what was stored', async () => {
    expect(await machine.holdfast(put)).toMatchObject({ code: 0 });
    const pid = await machine.pid();
    process.kill(pid ?? NaN, 'SIGKILL');
    await until('another process', () => otherPid(pid));
    expect(await machine.property('NRestarts')).toBe('1');
    expect((await machine.holdfast(['feeds', 'list', '--app', 'test'])).stdout).toContain('news');
  });

  it('stays down when it is stopped, and is started for a client that asks', async () => {
    expect(await machine.holdfast(['stop'])).toMatchObject({ code: 0 });
    await until('it is down', async () => (await state()) === 'inactive');
    expect(await service('status')).toMatchObject({ code: 1 });
    const code = `import { startByManager } from ${JSON.stringify(join(root, 'client', 'service-manager.ts'))};
      console.log(await startByManager(process.env));`;
    const asked = await machine.run(process.execPath, '--input-type=module', '--eval', code);
    expect(asked).toMatchObject({ code: 0, stdout: 'true\n' });
    expect([await state(), await running()]).toEqual(['active', true]);
  });

  it('systemd/systemd#8486: ends with the session and is there again after the next login', async () => {
    const pid = await machine.pid();
    await machine.logOut();
    expect(() => process.kill(pid ?? NaN, 0)).toThrow('ESRCH');
    await machine.logIn();
    await until('it runs', () => otherPid(pid));
    expect((await machine.holdfast(['feeds', 'list', '--app', 'test'])).stdout).toContain('news');
  });

  it('is not started again where only a person can help; install says why', async () => {
    await machine.systemctl('stop', 'holdfast');
    const config = join(machine.home, '.config', 'holdfast');
    await machine.run('chmod', '755', config);
    const { code, stderr } = await service('install');
    expect([code, stderr]).toEqual([69, expect.stringContaining(`chmod 700 '${config}'`)]);
    expect([await state(), await machine.property('NRestarts')]).toEqual(['failed', '0']);
    expect(await machine.property('ExecMainStatus')).toBe('78');
    await machine.run('chmod', '700', config);
    expect(await service('install')).toMatchObject({ code: 0 });
    expect(await running()).toBe(true);
  });

  it('griffinwork40/agent-afk#1658: gives up on a daemon that ends again and again', async () => {
    await machine.systemctl('stop', 'holdfast');
    const change = `${unit}.d/test.conf`;
    mkdirSync(dirname(change));
    writeFileSync(change, '[Service]\nExecStart=\nExecStart=/bin/sh -c "exit 69"\nExecStartPost=\nRestartSec=10ms\n');
    await machine.systemctl('daemon-reload');
    await machine.systemctl('reset-failed', 'holdfast');
    await machine.systemctl('start', 'holdfast');
    await until('it has given up', async () => (await state()) === 'failed');
    // Five starts: the sixth is refused, and counted all the same.
    expect(Number(await machine.property('NRestarts'))).toBeLessThanOrEqual(5);
    expect((await machine.systemctl('start', 'holdfast')).code).not.toBe(0);
    rmSync(dirname(change), { recursive: true });
    await machine.systemctl('daemon-reload');
    expect(await service('install')).toMatchObject({ code: 0 });
    expect(await running()).toBe(true);
  });
});

describe('uninstall', () => {
  it('stops the daemon and leaves no file but what was stored', async () => {
    const pid = await machine.pid();
    const { code, stdout } = await service('uninstall');
    expect(code).toBe(0);
    expect(() => process.kill(pid ?? NaN, 0)).toThrow('ESRCH');
    const stored = ['.local/share/holdfast', '.config/holdfast', '.local/state/holdfast'];
    for (const folder of stored) {
      expect(stdout).toContain(`  ${join(machine.home, folder)}\n`);
      rmSync(join(machine.home, folder), { recursive: true });
    }
    expect(tree()).toEqual([...empty, '.local', '.local/share', '.local/state'].toSorted());
    expect(await machine.property('LoadState')).toBe('not-found');
  });

  it('has room for a home of any name, also one too long for a socket', async () => {
    const name = String.raw`it's 100% "odd" $HOME \n é `.padEnd(120, 'long');
    const home = { HOLDFAST_HOME: join(machine.home, name) };
    expect(await machine.holdfast(['service', 'install'], home)).toMatchObject({ code: 0, stderr: '' });
    const answered = await machine.holdfast(['health'], home);
    expect(JSON.parse(answered.stdout)).toMatchObject({ pid: await machine.pid() });
    expect((await machine.holdfast(['socket'], home)).stdout).toMatch(/^\/tmp\/holdfast-4242\//);
    expect(await running()).toBe(false);
    expect(await machine.holdfast(['service', 'uninstall'], home)).toMatchObject({ code: 0 });
  });
});
