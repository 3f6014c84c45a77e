import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root, TestHome } from '../helpers/daemon.ts';
import { tmpfs } from '../helpers/namespace.ts';
import { until } from '../helpers/wait.ts';

// Invariant: a start lock that cannot be kept is lost, and no more: nothing of it ends the application that holds it.

it('gsd-build/gsd-2#1513: the sign of life of a start lock fails, then its release, and its holder goes on', async () => {
  await using home = new TestHome();
  mkdirSync(home.paths.state, { recursive: true, mode: 0o700 });
  await using disk = await tmpfs(home.paths.state, '1m');
  const trace = join(home.home, 'trace');
  const [command, ...rest] = [
    ...disk.wrapper,
    'strace',
    '-D',
    '-f',
    '-q',
    '-o',
    trace,
    '-e',
    'trace=utimensat,unlink,unlinkat,rmdir',
  ];
  const module = join(root, 'test', 'crash', 'autostart-lock-process.ts');
  const holder = spawn(command, [...rest, process.execPath, module], {
    env: { ...process.env, HOLDFAST_HOME: home.home },
    stdio: 'ignore',
  });
  const ended = once(holder, 'exit') as Promise<[number | null, string | null]>;
  const signs = (result: RegExp) =>
    (existsSync(trace) ? readFileSync(trace, 'utf8').match(result) : undefined)?.length ?? 0;
  try {
    // Red control: until then it can be kept.
    await until('it gives a sign', () => signs(/start\.lock.* = 0$/gm) > 0);
    await disk.run('mount', '-o', 'remount,ro', home.paths.state);
    // The second shows that it outlived the first.
    await until('it fails to, twice', () => signs(/start\.lock.* = -1 EROFS/gm) > 1);
    expect(holder.exitCode).toBe(null);
    // Neither does giving it back, which it cannot.
    holder.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    expect(signs(/unlink.*start\.lock.* = -1 EROFS/gm)).toBeGreaterThan(0);
  } finally {
    holder.kill('SIGKILL');
    await ended;
  }
});
