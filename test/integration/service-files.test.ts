import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Program } from '../../client/cli/service/program.ts';
import { renderPlist, renderUnit } from '../../client/cli/service/render.ts';
import { settingsIn } from '../../client/service-manager.ts';
import { root, TestHome } from '../helpers/daemon.ts';
import { readAgent, readPlist } from '../helpers/plist.ts';
import { ServiceHome } from '../helpers/service.ts';
import { until } from '../helpers/wait.ts';

const plain: Program = {
  node: '/usr/bin/node',
  why: '',
  entry: '/opt/holdfast/holdfastd.js',
  ready: '/opt/holdfast/ready.js',
};
/** Everything that one of the formats takes for its own. */
const odd = String.raw`/home/o'brien/100% "new"/$HOME/\tmp/<é> & ${'中'}/;#`;

/** A unit as systemd reads it: each setting in its section, words unquoted, %% and $$ as one. */
function readUnit(text: string): Record<string, Record<string, string[][]>> {
  const sections: Record<string, Record<string, string[][]>> = {};
  let section: Record<string, string[][]> = {};
  for (const line of text.split('\n').filter((each) => each && !/^[#;]/.test(each))) {
    const [, name] = /^\[(\w+)\]$/.exec(line) ?? [];
    const [, key, value = ''] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (name) section = sections[name] = {};
    else if (key) (section[key] ??= []).push(words(value, key.startsWith('Exec')));
    else throw new Error(`systemd would not read: ${line}`);
  }
  return sections;
}

const words = (value: string, command: boolean) =>
  [...value.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([, quoted, bare = ''], index) => {
    if (quoted === undefined) return bare;
    const text = quoted.replaceAll(/\\(.)/g, '$1').replaceAll('%%', '%');
    return command && index > 0 ? text.replaceAll('$$', '$') : text;
  });

describe('the unit', () => {
  it('phnx-labs/agi-cli#2390: says when it is up, how often it is started again, and when not', () => {
    const { Unit = {}, Service = {}, Install = {} } = readUnit(renderUnit(plain, {}));
    expect(Unit).toMatchObject({ StartLimitIntervalSec: [['600']], StartLimitBurst: [['5']] });
    expect(Service).not.toHaveProperty('StartLimitBurst');
    expect(Service).toMatchObject({
      Type: [['exec']],
      ExecStart: [[plain.node, plain.entry]],
      ExecStartPost: [[plain.node, plain.ready, '$MAINPID']],
      Restart: [['on-failure']],
      RestartPreventExitStatus: [['75', '78']],
      Environment: [['HOLDFAST_SUPERVISOR=systemd']],
    });
    expect(Install).toEqual({ WantedBy: [['default.target']] });
  });

  it('holds any path, and gives HOLDFAST_HOME back', () => {
    const text = renderUnit({ node: odd, why: '', entry: odd, ready: odd }, { HOLDFAST_HOME: odd });
    const { Service = {} } = readUnit(text);
    expect(Service['Environment']?.[0]).toEqual([`HOLDFAST_HOME=${odd}`]);
    // No quotes in the name of a program: systemd refuses the whole unit.
    expect(Service['ExecStart']).toEqual([['/bin/sh', '-c', 'exec "$0" "$@"', odd, odd]]);
    expect(settingsIn(text)['HOLDFAST_HOME']).toBe(odd);
    expect(() => renderUnit({ ...plain, entry: '/a\nExecStartPre=/b' }, {})).toThrow('control character');
  });
});

describe('the plist', () => {
  const log = '/Users/x/Library/Application Support/holdfast/state/holdfast.log';

  it('aenix-io/aeman#173: is one that launchd takes, and says what it should', () => {
    expect(readAgent(renderPlist(plain, {}, log))).toEqual({
      Label: 'dev.holdfast.daemon',
      ProgramArguments: [plain.node, plain.entry],
      EnvironmentVariables: { HOLDFAST_SUPERVISOR: 'launchd', HOLDFAST_LOG_FILE: log },
      RunAtLoad: true,
      KeepAlive: { SuccessfulExit: false },
      ThrottleInterval: 30,
      ExitTimeOut: 30,
      LimitLoadToSessionType: ['Aqua', 'Background'],
      Umask: 0o077,
      HardResourceLimits: { Core: 0 },
    });
  });

  it('holds any path, and gives HOLDFAST_HOME back', () => {
    const text = renderPlist({ ...plain, node: odd, entry: odd }, { HOLDFAST_HOME: odd }, odd);
    const agent = readAgent(text);
    expect(agent['ProgramArguments']).toEqual([odd, odd]);
    expect(agent['EnvironmentVariables']).toMatchObject({ HOLDFAST_HOME: odd, HOLDFAST_LOG_FILE: odd });
    expect(settingsIn(text)['HOLDFAST_HOME']).toBe(odd);
    expect(() => renderPlist({ ...plain, entry: '/a\0b' }, {}, log)).toThrow('control character');
  });

  // Red controls: the reader refuses what is wrong.
  it.each([
    ['an element that is not closed', '</dict>\n</plist>', '</plist>', '</plist> where a key belongs'],
    ['a key twice', '<key>RunAtLoad</key>', '<key>Label</key>', 'Label twice'],
    ['a bare ampersand', 'Application Support', 'A & B', 'bare ampersand'],
    ['a key that launchd does not know', 'ThrottleInterval', 'ThrottleIntervall', 'knows no ThrottleIntervall'],
    ['a value of another type', '<integer>30</integer>', '<string>30</string>', 'ThrottleInterval has a wrong value'],
    ['no number', '<integer>30', '<integer>half', 'no integer'],
    ['text between elements', '<dict>', '<dict>and', 'outside of an element'],
    ['a second value', '</plist>', '<dict></dict></plist>', 'more than one value'],
    ['another head', 'PLIST 1.0', 'PLIST 2.0', 'head'],
    ['a program by its bare name', `<string>${plain.node}`, '<string>node', 'ProgramArguments has a wrong value'],
  ])('is read strictly: %s', (_, from, to, message) => {
    const text = renderPlist(plain, {}, log);
    expect(text).toContain(from);
    expect(() => readAgent(text.replace(from, to))).toThrow(message);
    expect(() => readPlist(text)).not.toThrow();
  });

  it('newrelic preflight#13: starts the daemon with no environment but its own', async () => {
    await using home = new TestHome();
    const agent = readAgent(
      renderPlist(
        { ...plain, node: process.execPath, entry: join(root, 'daemon', 'main.ts') },
        { HOLDFAST_HOME: home.home },
        home.paths.log,
      ),
    );
    const [file = '', ...rest] = agent['ProgramArguments'] as string[];
    const env = agent['EnvironmentVariables'] as Record<string, string>;
    const child = spawn(file, rest, { env, cwd: '/', stdio: 'ignore' });
    const exited = once(child, 'exit');
    try {
      const health = () =>
        home
          .client()
          .system.health()
          .catch((): undefined => undefined);
      expect((await until('it answers', health))?.pid).toBe(child.pid);
      expect(readFileSync(home.paths.log, 'utf8')).toContain('"ready"');
      // What ExecStartPost runs: content with this process, not with one that is gone.
      const ready = async (pid: number) => {
        const path = join(root, 'client', 'cli', 'service', 'ready.ts');
        const waiting = spawn(process.execPath, [path, String(pid)], {
          env: { HOLDFAST_HOME: home.home },
          stdio: 'ignore',
        });
        return (await once(waiting, 'exit'))[0] as number;
      };
      expect(await ready(child.pid ?? 0)).toBe(0);
      const gone = spawn('true');
      await once(gone, 'exit');
      expect(await ready(gone.pid ?? 0)).toBe(1);
    } finally {
      child.kill();
      await exited;
    }
  });
});

describe('holdfast service on a Mac', () => {
  it('hermes-agent#30352: loads the plist, also where there is no screen, is idempotent, and leaves nothing', async () => {
    using home = new ServiceHome("with 'odd' <name> & 100%");
    const mac = { platform: 'darwin' } as const;
    const uid = process.getuid?.();
    const empty = home.tree();
    home.set('no-gui');
    expect(await home.service(['install'], mac)).toMatchObject({ code: 0, stderr: '' });
    expect(home.asked()).toContain(`launchctl bootstrap user/${uid} ${home.plist}`);
    expect(readAgent(readFileSync(home.plist, 'utf8'))['EnvironmentVariables']).toMatchObject({ HOME: home.home });
    expect(await home.service(['install'], mac)).toMatchObject({ code: 0 });
    expect(home.asked()).toEqual([]);
    expect(await home.service(['status'], mac)).toMatchObject({ code: 0 });
    expect(await home.service(['uninstall'], mac)).toMatchObject({ code: 0 });
    expect(home.asked()).toEqual([`launchctl bootout user/${uid}/dev.holdfast.daemon`]);
    expect(home.tree()).toEqual(empty);
  });
});
