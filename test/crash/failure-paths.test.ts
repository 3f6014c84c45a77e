import { existsSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { paths } from '../../shared/paths.ts';
import { holdfast } from '../helpers/cli.ts';
import { TestHome } from '../helpers/daemon.ts';

// Invariant: a home may lie as deep and be named as it likes: its socket is found, by whoever is told the home alone. The
// limit of the kernel is in bytes.

const suffix = '/state/holdfast.sock';

/** A home whose socket would have a path of so many bytes, most of them in characters of several. */
function named(home: TestHome, bytes: number): string {
  const room = bytes - Buffer.byteLength(`${home.home}/${suffix}`);
  return join(home.home, '日'.repeat(Math.floor(room / 3)) + 'x'.repeat(room % 3));
}

it.each([
  [103, 'its own folder'],
  [104, 'a short one'],
])('automagik-dev/autopg#39: a socket path of %i bytes in fewer characters lies in %s', async (bytes, where) => {
  await using home = new TestHome();
  const env = { HOLDFAST_HOME: named(home, bytes) };
  expect(Buffer.byteLength(env.HOLDFAST_HOME + suffix)).toBe(bytes);
  // As text it is short enough either way.
  expect(`${env.HOLDFAST_HOME}${suffix}`.length).toBeLessThan(100);
  const { socket, daemonFile } = paths(env);
  const short = `/tmp/holdfast-${userInfo().uid}`;
  expect(dirname(socket)).toBe(where === 'a short one' ? short : join(env.HOLDFAST_HOME, 'state'));

  const daemon = await home.start({ env });
  // cocoindex-io/cocoindex-code#267: where it really is, is written down.
  expect(JSON.parse(readFileSync(daemonFile, 'utf8'))).toMatchObject({ pid: daemon.pid, socket });
  const { code, stdout } = await holdfast({ home: env.HOLDFAST_HOME } as TestHome, ['health']);
  expect([code, JSON.parse(stdout)]).toMatchObject([0, { pid: daemon.pid }]);
  expect(await daemon.end()).toEqual({ code: 0, signal: null });
  expect(existsSync(socket)).toBe(false);
});

it('raine/workmux#293: two homes with long names share the short folder and nothing else', async () => {
  await using home = new TestHome();
  const homes = ['a', 'b'].map((name) => join(named(home, 150), name));
  const sockets = homes.map((HOLDFAST_HOME) => paths({ HOLDFAST_HOME }).socket);
  expect(new Set(sockets.map((socket) => dirname(socket))).size).toBe(1);
  const daemons = await Promise.all(homes.map((HOLDFAST_HOME) => home.start({ env: { HOLDFAST_HOME } })));
  const found = await Promise.all(sockets.map((socket) => home.client({ socket }).system.health()));
  expect(found.map(({ pid }) => pid)).toEqual(daemons.map(({ pid }) => pid));
  // Red control: a second one of the same home is refused.
  expect((await home.spawn({ env: { HOLDFAST_HOME: homes[0] } }).exited).code).toBe(75);
  for (const daemon of daemons) expect(await daemon.end()).toEqual({ code: 0, signal: null });
});
