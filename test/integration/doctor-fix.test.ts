import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, lstatSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestHome } from '../helpers/daemon.ts';
import { diagnose, diagnoseAll, furnish, mend, named } from '../helpers/doctor.ts';

// What `doctor --fix` may touch, and what is nobody's fault.

let home: TestHome;
beforeEach(() => {
  home = new TestHome();
  furnish(home);
});
afterEach(() => home[Symbol.asyncDispose]());

describe('doctor finds', () => {
  it.runIf(process.getuid?.() === 0)("what belongs to another user, as 'sudo' leaves it", async () => {
    mkdirSync(join(home.paths.data, 'backups'), { mode: 0o700 });
    chownSync(join(home.paths.data, 'backups'), 65_534, 65_534);
    chownSync(home.paths.config, 65_534, 65_534);
    expect(named(await diagnose(home))).toEqual(['directories problem', 'files problem']);
  });

  it('a file that is open to others and closed to its owner, and mends both', async () => {
    const path = join(home.paths.data, 'odd');
    writeFileSync(path, '');
    chmodSync(path, 0o044);
    const found = await diagnose(home);
    expect(named(found)).toEqual(['files problem', 'files warning']);
    await mend(found);
    expect(lstatSync(path).mode & 0o777).toBe(0o600);
  });

  it('nothing that a fix may touch in what has changed since it looked', async () => {
    chmodSync(home.paths.data, 0o755);
    const found = await diagnose(home);
    renameSync(home.paths.data, join(home.home, 'away'));
    mkdirSync(join(home.home, 'open'), { mode: 0o755 });
    symlinkSync('open', home.paths.data);
    await expect(mend(found)).rejects.toThrow('has changed meanwhile');
    expect(lstatSync(join(home.home, 'open')).mode & 0o777).toBe(0o755);
  });

  it('no problem in a start lock that is held, nor in a daemon that was killed', async () => {
    symlinkSync(`${process.pid}-x`, join(home.paths.state, 'start.lock'));
    expect(await diagnose(home)).toEqual([]);
    const said = { pid: spawnSync('true').pid, startedAt: new Date().toISOString(), socket: home.paths.socket };
    expect(named(await diagnoseAll(home))).not.toContain('last-stop note');
    writeFileSync(home.paths.daemonFile, JSON.stringify(said), { mode: 0o600 });
    renameSync(join(home.paths.state, 'start.lock'), join(home.home, 'away'));
    expect(named(await diagnoseAll(home))).toContain('last-stop note');
    expect(await diagnose(home)).toEqual([]);
  });
});
