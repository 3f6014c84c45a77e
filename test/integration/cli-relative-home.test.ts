import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join, relative } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { daemonOf } from '../../client/daemon-files.ts';
import { isAlive } from '../../client/start-lock.ts';
import { paths } from '../../shared/paths.ts';
import { cli, TestHome } from '../helpers/daemon.ts';
import { ServiceHome } from '../helpers/service.ts';
import { until } from '../helpers/wait.ts';

// A daemon in the background and a service run in other directories than the command that starts them.

// Below / this is no directory: a daemon that takes it for a path from there ends at once, and leaves nothing.
const moved = 'dev/null';

it('HOLDFAST_HOME and HOLDFAST_NODE may be relative: the daemon that is started is the one of that directory', async () => {
  await using home = new TestHome();
  const own = paths({ HOLDFAST_HOME: join(home.home, moved) });
  mkdirSync(own.home, { recursive: true });
  symlinkSync(process.execPath, join(home.home, 'node'));
  const run = async (...args: string[]) => {
    const env = { ...process.env, HOLDFAST_HOME: moved, HOLDFAST_NODE: './node' };
    const child = spawn(process.execPath, [cli, ...args], { cwd: home.home, env, stdio: ['ignore', 'ignore', 'pipe'] });
    return text(child.stderr);
  };
  try {
    expect(await run('start')).toMatch(/^holdfast \(pid \d+\) is running\.\n$/);
    const pid = daemonOf(own.daemonFile)?.pid;
    expect(await run('stop')).toBe(`holdfast (pid ${pid}) has stopped.\n`);
  } finally {
    const pid = daemonOf(own.daemonFile)?.pid;
    if (pid !== undefined && isAlive(pid)) process.kill(pid, 'SIGKILL');
    if (pid !== undefined) await until('it is gone', () => !isAlive(pid));
  }
});

it('a service is told the whole path of a relative HOLDFAST_HOME', async () => {
  await using home = new TestHome();
  using user = new ServiceHome();
  const env = { HOLDFAST_HOME: relative(process.cwd(), home.home) };
  expect(env.HOLDFAST_HOME).toMatch(/^\.\./);
  for (const [platform, file] of [
    ['linux', user.unit],
    ['darwin', user.plist],
  ] as const) {
    expect(await user.service(['install'], { env, platform })).toMatchObject({ code: 0, stderr: '' });
    const written = readFileSync(file, 'utf8');
    expect(written).toContain(home.paths.home);
    expect(written).not.toContain(env.HOLDFAST_HOME);
  }
});
