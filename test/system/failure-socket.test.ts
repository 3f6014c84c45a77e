import { spawnSync } from 'node:child_process';
import { lstatSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TestHome } from '../helpers/daemon.ts';
import { fault, homeWithStore, strace } from '../helpers/strace.ts';

// What file systems of WSL and of containers do to a socket: it cannot be bound, or its mode cannot be changed.

describe('gastownhall/beads#1318: chmod fails, as on a mount of a dev container', () => {
  const noChmod = fault('chmod,fchmod,fchmodat', 'error=EINVAL', '1+');

  it('the daemon serves, and its socket and folders are private all the same', async () => {
    await using home = new TestHome();
    const { wrapper, injected } = strace(home, [], noChmod);
    const daemon = await home.start({ wrapper });
    await home.client().feeds.put({ name: 'x', url: 'https://example.org/' });
    for (const path of [home.paths.socket, dirname(home.paths.socket), home.paths.data, home.paths.database]) {
      expect(lstatSync(path).mode & 0o077).toBe(0);
    }
    expect(injected()).toBe(0);
    expect(await daemon.end()).toEqual({ code: 0, signal: null });
  });

  it('red control: a program that changes a mode there fails', async () => {
    await using home = new TestHome();
    const path = join(home.home, 'file');
    writeFileSync(path, '');
    const [command = '', ...rest] = strace(home, [], noChmod).wrapper;
    const { status, stderr } = spawnSync(command, [...rest, 'chmod', '600', path], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([1, expect.stringContaining('Invalid argument')]);
  });
});

it('AgentWorkforce/relay#381: a file system without sockets, as /mnt/c of WSL: 78, and where to go', async () => {
  await using home = await homeWithStore();
  const { wrapper, injected } = strace(home, [], fault('bind', 'error=EOPNOTSUPP', '1+'));
  const refused = home.spawn({ wrapper });
  expect(await refused.exited).toEqual({ code: 78, signal: null });
  expect(injected()).toBe(1);
  expect(refused.stderr).toContain(`${home.paths.state} lies on a file system that has no sockets`);
  expect(refused.stderr).toContain('Set HOLDFAST_HOME to a directory on a local disk');
  // Red control: where there are sockets, it serves.
  await home.start();
  expect((await home.client().sessions.get({ id: 's' })).id).toBe('s');
});
