import { existsSync, lstatSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listens } from '../../client/listens.ts';
import { paths } from '../../shared/paths.ts';
import { curl } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { openModes } from '../helpers/marker.ts';
import { until } from '../helpers/wait.ts';

const answers = (socket: string) =>
  curl(socket, 'GET', '/v1/health').then(
    ({ status }) => status === 200,
    () => false,
  );

describe.concurrent('agent.sock', () => {
  it('is private, made again when it is removed without touching the other one, and removed at the end', async () => {
    await using home = new TestHome();
    const { agentSocket, socket } = home.paths;
    const daemon = await home.start();
    expect([await answers(agentSocket), lstatSync(agentSocket).isSocket()]).toEqual([true, true]);
    expect(lstatSync(agentSocket).mode & 0o077).toBe(0);
    const { ino } = statSync(socket);
    rmSync(agentSocket);
    expect(await listens(agentSocket)).toBe(false);
    await until('it answers again', () => answers(agentSocket));
    expect(openModes(home.home)).toEqual([]);
    expect(statSync(socket).ino).toBe(ino);
    expect(await daemon.end()).toEqual({ code: 0, signal: null });
    expect([agentSocket, socket].filter((path) => existsSync(path))).toEqual([]);
  });

  it('serves nobody after a kill, and the next daemon takes its place', async () => {
    await using home = new TestHome();
    const { agentSocket } = home.paths;
    await (await home.start()).end('SIGKILL');
    expect([existsSync(agentSocket), await answers(agentSocket)]).toEqual([true, false]);
    await home.start();
    expect(await answers(agentSocket)).toBe(true);
  });

  it('stays where it is when it is no socket: the daemon names it and does not start', async () => {
    await using home = new TestHome();
    const { agentSocket } = home.paths;
    mkdirSync(dirname(agentSocket), { mode: 0o700 });
    writeFileSync(agentSocket, 'somebody’s', { mode: 0o600 });
    const daemon = home.spawn();
    expect((await daemon.exited).code).toBe(78);
    expect(daemon.stderr).toContain(`${agentSocket} is not a socket`);
    expect(statSync(agentSocket).size).toBeGreaterThan(0);
  });

  it('lies beside the other one in the short place when the path is long', async () => {
    await using home = new TestHome();
    // So long that its own path would just fit.
    const room = 104 - join(home.home, 'x', 'state', 'holdfast.sock').length;
    const env = { HOLDFAST_HOME: join(home.home, 'x'.repeat(room + 1)) };
    const { socket, agentSocket, state } = paths(env);
    expect(Buffer.byteLength(join(state, 'agent.sock'))).toBeLessThan(103);
    expect(agentSocket).toBe(socket.replace(/\.sock$/, '.agent.sock'));
    expect(dirname(agentSocket)).not.toBe(state);
    const daemon = await home.start({ env });
    expect(await answers(agentSocket)).toBe(true);
    await daemon.end();
    expect(existsSync(agentSocket)).toBe(false);
  });
});
