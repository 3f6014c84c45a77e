import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { AutostartHome } from '../helpers/autostart.ts';
import { FakeDaemon, good } from '../helpers/fake-daemon.ts';
import { refusal } from '../helpers/refusal.ts';

// Invariant: what is not noted is not started, for nothing would bound how often; and what would not listen where the client
// calls is not started either, for it would have a store of its own.

afterEach(() => delete process.env['HOLDFAST_NODE']);

/** A Node that leaves a line each time, and ends. */
function counted({ home }: AutostartHome) {
  const node = join(home, 'node');
  writeFileSync(node, `#!/bin/sh\n[ "$1" = --version ] && echo v26.0.0 && exit\necho x >> '${home}/ran'; exit 3\n`, {
    mode: 0o755,
  });
  process.env['HOLDFAST_NODE'] = node;
  return () => (existsSync(`${home}/ran`) ? readFileSync(`${home}/ran`, 'utf8').length / 2 : 0);
}

describe('a start that cannot be noted', () => {
  it.each<[string, string, (home: AutostartHome) => string]>([
    ['something is in its way', 'make .*state writable', ({ paths }) => join(paths.starts, 'x')],
    // What is written to this device is refused as on a full disk.
    ['the disk is full', 'make room on the disk that holds .*state', ({ paths }) => `${paths.starts}.${process.pid}`],
  ])(
    'because %s: nothing is started, and what to do is said; then it works (red control)',
    async (_, says, inTheWay) => {
      await using home = new AutostartHome();
      const ran = counted(home);
      const obstacle = inTheWay(home);
      mkdirSync(dirname(obstacle), { recursive: true });
      symlinkSync('/dev/full', obstacle);
      await using client = home.own();
      for (let time = 0; time < 2; time++) {
        const { code, message } = await refusal(client.system.health());
        expect([code, message]).toEqual(['unavailable', expect.stringMatching(says)]);
        if (!existsSync(obstacle)) symlinkSync('/dev/full', obstacle);
      }
      rmSync(obstacle);
      rmSync(home.paths.starts, { recursive: true, force: true });
      expect((await refusal(client.system.health())).message).toContain('ended with exit code 3');
      expect([ran(), home.starts().length]).toEqual([1, 1]);
    },
  );

  it('because the disk is full keeps the notes of those before', async () => {
    await using home = new AutostartHome();
    const ran = counted(home);
    const notes = JSON.stringify([{ at: Date.now(), pid: 0 }]);
    mkdirSync(home.paths.state, { mode: 0o700 });
    writeFileSync(home.paths.starts, notes);
    symlinkSync('/dev/full', `${home.paths.starts}.${process.pid}`);
    await refusal(home.own().system.health());
    expect([readFileSync(home.paths.starts, 'utf8'), ran()]).toEqual([notes, 0]);
  });
});

describe('a client whose process has got another HOLDFAST_HOME since', () => {
  it('is told so, and nothing is made there', async () => {
    await using home = new AutostartHome();
    await using client = home.own();
    await using other = new AutostartHome();
    const { code, message } = await refusal(client.system.health());
    expect([code, message]).toEqual(['unavailable', expect.stringContaining(home.paths.socket)]);
    expect(message).toContain('set HOLDFAST_HOME to an absolute path');
    expect([home, other].map(({ paths }) => existsSync(paths.data))).toEqual([false, false]);
  });

  it('is served by an older daemon, and does not ask it to make place for one that would be elsewhere', async () => {
    await using home = new AutostartHome();
    mkdirSync(dirname(home.paths.socket), { recursive: true });
    await using fake = await FakeDaemon.listen(home.paths.socket, (response) => {
      response.setHeader('holdfast-version', '0.0.1');
      good(response, { items: [], nextCursor: null, damagedCount: 0 });
    });
    await using client = home.own();
    await using other = new AutostartHome();
    await client.feeds.list();
    await client.feeds.list();
    expect(fake.requests.map(({ method }) => method)).toEqual(['GET', 'GET']);
    expect(existsSync(other.paths.state)).toBe(false);
  });
});
