import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { daemonOf } from '../../client/daemon-files.ts';
import { holdfast } from '../helpers/cli.ts';
import { TestHome } from '../helpers/daemon.ts';
import { until } from '../helpers/wait.ts';

// Invariant: after `holdfast start` has said that it runs, it does.

it('start while the daemon stops waits for its end and starts another', async () => {
  await using home = new TestHome();
  const daemon = await home.start();
  // A request that does not end holds the stop up.
  const held = connect(home.paths.socket);
  held.on('error', () => undefined);
  await once(held, 'connect');
  held.write('POST /v1/apps/a/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n');
  held.write('Content-Type: application/json\r\n\r\n{');
  const client = home.client();
  await client.system.health();
  daemon.child.kill('SIGTERM');
  await until('it stops', () => daemon.log.some(({ msg }) => msg === 'stopping'));
  const { code, stderr } = await holdfast(home, ['start']);
  const now = daemonOf(home.paths.daemonFile)?.pid ?? 0;
  try {
    expect([code, stderr]).toEqual([0, `holdfast (pid ${now}) is running.\n`]);
    expect(now).not.toBe(daemon.pid);
    expect((await client.system.health()).pid).toBe(now);
    expect(await daemon.exited).toEqual({ code: 0, signal: null });
  } finally {
    held.destroy();
    if (now > 0 && now !== daemon.pid) process.kill(now, 'SIGKILL');
  }
});
