import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, statSync, symlinkSync, unlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { TestHome, type SpawnOptions } from '../helpers/daemon.ts';

// Invariant: a daemon that cannot serve says why by its exit code, on stderr and in the log, and names what to mend.

/** Runs a daemon that is expected to end, and tells how. */
async function run(home: TestHome, options?: SpawnOptions) {
  const daemon = home.spawn(options);
  const { code } = await daemon.exited;
  return { code, stderr: daemon.stderr, logged: daemon.log.at(-1) };
}

const launchd = { env: { HOLDFAST_SUPERVISOR: 'launchd' } };
const lastError = (home: TestHome) => JSON.parse(readFileSync(home.paths.lastError, 'utf8')) as unknown;

describe('78: directories', () => {
  it.each(['data', 'config', 'state'] as const)(
    '%s open to other users, and served once it is closed',
    async (name) => {
      await using home = new TestHome();
      mkdirSync(home.paths[name], { mode: 0o755 });
      const { code, stderr, logged } = await run(home);
      expect({ code, logged }).toMatchObject({ code: 78, logged: { level: 60, exitCode: 78 } });
      expect(stderr).toContain(`chmod 700 '${home.paths[name]}'`);
      chmodSync(home.paths[name], 0o700);
      await home.start();
    },
  );

  it.each(['data', 'config', 'state'] as const)('%s a symbolic link, and served once it is none', async (name) => {
    await using home = new TestHome();
    const target = `${home.home}/elsewhere`;
    mkdirSync(target, { mode: 0o700 });
    symlinkSync(target, home.paths[name]);
    const { code, stderr } = await run(home);
    expect(code).toBe(78);
    expect(stderr).toContain(`${home.paths[name]} is not a directory`);
    unlinkSync(home.paths[name]);
    renameSync(target, home.paths[name]);
    await home.start();
  });

  it('what it makes itself is private', async () => {
    await using home = new TestHome();
    await home.start();
    const { data, config, state, database, ownerLock, socket, daemonFile } = home.paths;
    const files = [data, config, state, database, `${database}-wal`, ownerLock, socket, daemonFile];
    expect(files.filter((path) => (statSync(path).mode & 0o077) !== 0)).toEqual([]);
  });
});

describe('78: the environment', () => {
  it.each(['HOLDFAST_LOG_LEVEL', 'HOLDFAST_SUPERVISOR'])('a bad %s is named', async (name) => {
    await using home = new TestHome();
    const { code, stderr } = await run(home, { env: { [name]: 'loud' } });
    expect(code).toBe(78);
    expect(stderr).toContain(name);
    expect(existsSync(home.paths.data)).toBe(false);
  });
});

describe('under launchd, which would start it again for ever', () => {
  it('iphone-use#28: 75 becomes 0 and is left to be read', async () => {
    await using home = new TestHome();
    const owner = await home.start();
    expect((await run(home, launchd)).code).toBe(0);
    expect(lastError(home)).toMatchObject({
      exitCode: 75,
      message: expect.stringContaining(`pid ${owner.pid}`) as string,
    });
    expect(statSync(home.paths.lastError).mode & 0o777).toBe(0o600);
  });

  it('openclaw/openclaw#84363: 78 becomes 0 and is left to be read', async () => {
    await using home = new TestHome();
    mkdirSync(home.paths.data, { mode: 0o755 });
    expect((await run(home, launchd)).code).toBe(0);
    expect(lastError(home)).toMatchObject({ exitCode: 78, message: expect.stringContaining('chmod 700') as string });
  });

  it('78 becomes 0 also when another variable is wrong', async () => {
    await using home = new TestHome();
    expect((await run(home, { env: { ...launchd.env, HOLDFAST_LOG_LEVEL: 'loud' } })).code).toBe(0);
    const message = expect.stringContaining('HOLDFAST_LOG_LEVEL') as string;
    expect(lastError(home)).toMatchObject({ exitCode: 78, message });
  });

  it('red control: under systemd the code stays; the reason is left all the same', async () => {
    await using home = new TestHome();
    mkdirSync(home.paths.data, { mode: 0o755 });
    expect((await run(home, { env: { HOLDFAST_SUPERVISOR: 'systemd' } })).code).toBe(78);
    expect(lastError(home)).toMatchObject({ exitCode: 78 });
  });
});
