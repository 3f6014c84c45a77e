import { spawn } from 'node:child_process';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { paths } from '../../shared/paths.ts';
import { root, TestHome } from '../helpers/daemon.ts';
import { emptyTmp, type MountNamespace } from '../helpers/namespace.ts';
import { until } from '../helpers/wait.ts';

// Invariant: the directory in /tmp that holds a socket whose path would be too long is ours alone, or neither the
// daemon nor a client uses it: there anybody can be first. Each test has a /tmp of its own.

const env = { HOLDFAST_HOME: join('/tmp', 'x'.repeat(120)) };
const { socket } = paths(env);
const directory = dirname(socket);

/** A server that is not holdfast, on the socket; what it was sent. */
async function stranger(tmp: MountNamespace) {
  const [command, ...rest] = [
    ...tmp.wrapper,
    process.execPath,
    join(import.meta.dirname, 'stranger-process.ts'),
    socket,
  ];
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  let seen = '';
  child.stdout.on('data', (chunk: Buffer) => (seen += chunk.toString()));
  await until('it listens', () => seen.startsWith('listening'));
  return { requests: () => seen.split('\n').slice(1, -1), [Symbol.dispose]: () => void child.kill('SIGKILL') };
}

/** `holdfast health`, in that /tmp. */
const health = (tmp: MountNamespace) => {
  const cli = join(root, 'client', 'cli', 'main.ts');
  return tmp.run('env', `HOLDFAST_HOME=${env.HOLDFAST_HOME}`, process.execPath, cli, 'health').then(
    () => ({ code: 0, stderr: '' }),
    (error: { code: number; stderr: string }) => ({ code: error.code, stderr: error.stderr }),
  );
};

describe('the directory of sockets in /tmp', () => {
  it.each([
    ['open to others', `mkdir -m 0777 ${directory}`],
    ['a symbolic link', `mkdir -m 0700 /tmp/elsewhere; ln -s /tmp/elsewhere ${directory}`],
  ])('%s: the daemon refuses it with 78, a client sends nothing there', async (_, prepare) => {
    await using tmp = await emptyTmp();
    await tmp.run('sh', '-c', prepare);
    await using home = new TestHome();
    const daemon = home.spawn({ env, wrapper: tmp.wrapper });
    expect((await daemon.exited).code).toBe(78);
    expect(daemon.stderr).toContain(directory);

    using server = await stranger(tmp);
    const { code, stderr } = await health(tmp);
    expect(server.requests()).toEqual([]);
    expect(code).not.toBe(0);
    expect(stderr).toContain(directory);
  });

  it('red control: a private directory of our own is used', async () => {
    await using tmp = await emptyTmp();
    await tmp.run('mkdir', '-m', '0700', directory);
    using server = await stranger(tmp);
    expect((await health(tmp)).code).toBe(0);
    expect([...server.requests(), directory]).toEqual(['GET /v1/health', `/tmp/holdfast-${userInfo().uid}`]);
  });
});
