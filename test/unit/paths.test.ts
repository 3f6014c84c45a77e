import { chownSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { paths } from '../../shared/paths.ts';

let temporary: string;
const registered = userInfo().homedir;
const { platform } = process;
const setPlatform = (value: NodeJS.Platform) => Object.defineProperty(process, 'platform', { value });

beforeEach(() => {
  temporary = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-paths-')));
  vi.stubEnv('HOLDFAST_HOME', undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
  setPlatform(platform);
  rmSync(temporary, { recursive: true, force: true });
});

describe('HOLDFAST_HOME', () => {
  it('moves everything', () => {
    expect(paths({ HOLDFAST_HOME: '/somewhere' })).toEqual({
      home: '/somewhere',
      data: '/somewhere/data',
      config: '/somewhere/config',
      state: '/somewhere/state',
      database: '/somewhere/data/holdfast.db',
      ownerLock: '/somewhere/data/owner.lock',
      rootKey: '/somewhere/config/root.key',
      socket: '/somewhere/state/holdfast.sock',
      agentSocket: '/somewhere/state/agent.sock',
      daemonFile: '/somewhere/state/daemon.json',
      lastError: '/somewhere/state/last-error.json',
      lastStart: '/somewhere/state/last-start.json',
      starts: '/somewhere/state/starts.json',
      upgrade: '/somewhere/state/upgrade.json',
      log: '/somewhere/state/holdfast.log',
    });
  });

  it('may be relative to where the process runs, and end in a slash', () => {
    expect(paths({ HOLDFAST_HOME: 'x/' }).data).toBe(join(process.cwd(), 'x', 'data'));
  });

  it('is one home by whatever link it is named, also before it exists', () => {
    const folder = join(temporary, 'a'.repeat(120));
    mkdirSync(folder);
    symlinkSync(folder, join(temporary, 'link'));
    for (const name of ['', 'not/made/yet']) {
      const [direct, linked] = [folder, join(temporary, 'link')].map((path) =>
        paths({ HOLDFAST_HOME: join(path, name) }),
      );
      expect(linked).toEqual(direct);
    }
  });

  it('counts as absent when it is empty', () => {
    vi.stubEnv('HOME', temporary);
    expect(paths({ ...process.env, HOLDFAST_HOME: '' }).home).toBe(temporary);
  });
});

/** A directory that somebody else owns: made so by root, else one that root owns. */
function foreign(): string {
  if (process.getuid?.() !== 0) return '/';
  mkdirSync(join(temporary, 'foreign'));
  chownSync(join(temporary, 'foreign'), 65534, 65534);
  return join(temporary, 'foreign');
}

describe('the home', () => {
  it.each([
    ['linux', '.local/share/holdfast', '.config/holdfast', '.local/state/holdfast'],
    [
      'darwin',
      'Library/Application Support/holdfast/data',
      'Library/Application Support/holdfast/config',
      'Library/Application Support/holdfast/state',
    ],
  ] as const)('is $HOME when that is ours; below it, on %s, is %s', (system, data, config, state) => {
    vi.stubEnv('HOME', temporary);
    setPlatform(system);
    expect(paths()).toMatchObject({
      home: temporary,
      data: join(temporary, data),
      config: join(temporary, config),
      state: join(temporary, state),
    });
  });

  it.each([
    ['unset', () => undefined],
    ['empty', () => ''],
    ['of a user who is gone', () => join(temporary, 'gone')],
    ["another user's, as sudo keeps it", foreign],
    ['below a file', () => join(temporary, 'file', 'home')],
    ['a circle of links', () => join(temporary, 'loop')],
    // Or each working directory would get a daemon of its own.
    ['relative', () => '.'],
  ])("systemd/systemd#3382: is the password database's when $HOME is %s", (_name, home) => {
    writeFileSync(join(temporary, 'file'), '');
    symlinkSync('loop', join(temporary, 'loop'));
    vi.stubEnv('HOME', home());
    expect(paths().home).toBe(registered);
  });
});

describe('other variables', () => {
  it.each(['XDG_RUNTIME_DIR', 'XDG_DATA_HOME', 'XDG_CONFIG_HOME', 'XDG_STATE_HOME', 'TMPDIR', 'TMP', 'TEMP', 'PWD'])(
    'systemd/systemd#2130: %s changes nothing: login, ssh and launchd must find one daemon',
    (name) => {
      vi.stubEnv('HOME', temporary);
      const before = paths();
      vi.stubEnv(name, join(temporary, 'elsewhere'));
      expect(paths()).toEqual(before);
      expect(paths({ ...process.env, [name]: '/elsewhere' })).toEqual(before);
    },
  );
});

describe('the socket', () => {
  const suffix = '/state/holdfast.sock';
  const ofBytes = (bytes: number, character = 'x') => {
    const room = bytes - Buffer.byteLength(`/${suffix}`);
    const size = Buffer.byteLength(character);
    return `/${character.repeat(Math.floor(room / size))}${'x'.repeat(room % size)}`;
  };
  const short = new RegExp(`^/tmp/holdfast-${userInfo().uid}/[0-9a-f]{16}\\.sock$`);

  it.each(['x', 'ä', '😀'])('nodejs/node#48316: lies beside the state up to 103 bytes of %s', (character) => {
    const home = ofBytes(103, character);
    expect(paths({ HOLDFAST_HOME: home }).socket).toBe(home + suffix);
    expect(Buffer.byteLength(home + suffix)).toBe(103);
  });

  it.each(['x', 'ä', '😀'])(
    'Giammarco-Ferranti/deja#106: lies in a short place of its own beyond that',
    (character) => {
      vi.stubEnv('TMPDIR', temporary);
      const homes = [ofBytes(104, character), ofBytes(105, character), ofBytes(1000, character)];
      const sockets = homes.map((home) => paths({ HOLDFAST_HOME: home }).socket);
      for (const socket of sockets) expect(socket).toMatch(short);
      expect(new Set(sockets).size).toBe(3);
      expect(homes.map((home) => paths({ HOLDFAST_HOME: home }).socket)).toEqual(sockets);
    },
  );

  it('and every other path are absolute', () => {
    for (const path of Object.values(paths())) expect(isAbsolute(path)).toBe(true);
  });
});
