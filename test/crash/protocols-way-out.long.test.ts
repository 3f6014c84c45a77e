import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isAlive } from '../../client/start-lock.ts';
import { AutostartHome } from '../helpers/autostart.ts';
import { holdfast } from '../helpers/cli.ts';
import { send } from '../helpers/curl.ts';
import { newest, older, oldest, OldTree, ours, type Numbers } from '../helpers/old-tree.ts';
import { until } from '../helpers/wait.ts';
import type { Report } from './protocols-process.ts';

// Invariant: whatever the versions of a command and a daemon are, a person sees what runs, gets his data and can stop it; and
// a newer version that cannot run ends with a message, and not in a loop.

let home: AutostartHome;
beforeEach(() => {
  home = new AutostartHome();
});
afterEach(() => home[Symbol.asyncDispose]());

/** A daemon of this version in a tree of its own, with a session of one message. */
async function serve(tree: OldTree) {
  const daemon = await home.start(tree.daemon);
  const { socket } = home.paths;
  expect((await send(socket, 'POST', '/v1/apps/test/sessions', { id: 'session' })).status).toBe(201);
  const messages = [{ role: 'user', text: 'What was said.' }];
  expect((await send(socket, 'POST', '/v1/apps/test/sessions/session/messages', { messages })).status).toBe(201);
  return daemon;
}

describe('a command and a daemon of other protocols', () => {
  it.each<[string, Numbers, RegExp]>([
    ['older', oldest, /daemon \(0\.0\.8\) is older than this command/],
    ['newer', newest, /this command is older than the daemon \(99\.1\.0\): upgrade the command/],
  ])('mfat/sshpilot#1174, anomalyco/opencode#36274: %s: seen, exported from and stopped', async (_, of, advice) => {
    using tree = new OldTree(of);
    const daemon = await serve(tree);
    const status = await holdfast(home, ['status', '--json']);
    expect(status.code).toBe(1);
    expect(JSON.parse(status.stdout)).toMatchObject({ state: 'incompatible', pid: daemon.pid, ...of });
    expect((await holdfast(home, ['status'])).stdout).toMatch(advice);
    const health = await holdfast(home, ['health']);
    expect([health.code, JSON.parse(health.stdout)]).toMatchObject([0, { status: 'ok', ...of }]);
    const exported = await holdfast(home, ['sessions', 'export', 'session', '--app', 'test']);
    expect([exported.code, exported.stderr]).toEqual([0, '']);
    expect(exported.stdout).toContain('What was said.');
    expect(isAlive(daemon.pid)).toBe(true);

    expect((await holdfast(home, ['stop'])).code).toBe(0);
    expect(await daemon.exited).toEqual({ code: 0, signal: null });
    expect(home.pids()).toEqual([]);
  });

  it('other commands say which side to upgrade, or are served (red control)', async () => {
    using tree = new OldTree(oldest);
    const before = await serve(tree);
    const list = ['sessions', 'list', '--app', 'test'];
    const refused = await holdfast(home, list);
    expect([refused.code, refused.stdout]).toEqual([1, '']);
    expect(refused.stderr).toContain(`holdfast ${oldest.version} is running and speaks protocol ${oldest.protocol}`);
    expect(refused.stderr).toContain('Upgrade the daemon');
    await before.end();
    using next = new OldTree(newest);
    await home.start(next.daemon);
    const served = await holdfast(home, list);
    expect([served.code, served.stderr]).toEqual([0, '']);
    expect(served.stdout).toContain('session');
  });
});

describe('a newer version whose daemon cannot run', () => {
  it('is tried three times, then a person is asked; what the older one kept is there', async () => {
    using before = new OldTree(older);
    using broken = new OldTree(ours);
    writeFileSync(broken.file('daemon/main.ts'), 'process.exit(69);');
    const daemon = await serve(before);
    const call = async () => {
      const { child, done } = broken.run<Report | 'ready'>('test/crash/protocols-process.ts', ['1', '1'], {});
      await Promise.race([once(child, 'message'), done]);
      child.send('go');
      return JSON.stringify((await done).at(-1));
    };
    // Its first call is still served by the older one, which makes place then.
    await call();
    expect(await daemon.exited).toEqual({ code: 0, signal: null });
    await until('a person is asked', async () => (await call()).includes('it was started 3 times in ten minutes'));
    expect(await call()).toContain("then run 'holdfast start'");
    expect(home.starts()).toHaveLength(3);

    await home.start(before.daemon);
    expect(await home.client().sessions.get({ id: 'session' })).toMatchObject({ head: 1 });
  });
});
