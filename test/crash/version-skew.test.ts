import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { protocolHeader, versionHeader } from '../../shared/headers.ts';
import { root, TestHome } from '../helpers/daemon.ts';
import { FakeDaemon } from '../helpers/fake-daemon.ts';
import { newer, older, oldest, OldTree, ours, type Numbers } from '../helpers/old-tree.ts';
import { runProcess } from '../helpers/processes.ts';
import type { Report } from './version-skew-process.ts';

// The other side is a server that does as it is told; what two real versions do is in protocols.long.test.ts.
// Invariant: only the newer side asks for a restart, once; an older one is served; what cannot be served says which side
// to upgrade; and nothing goes round in a loop.

const module = 'test/crash/version-skew-process.ts';

let home: TestHome;
beforeEach(() => {
  home = new TestHome();
  mkdirSync(dirname(home.paths.socket), { recursive: true, mode: 0o700 });
});
afterEach(() => home[Symbol.asyncDispose]());

/** A daemon of another version, which does not end when it is asked to. */
async function listen(theirs: Numbers) {
  const fake = await FakeDaemon.listen(home.paths.socket, (response) => {
    const headers = { [versionHeader]: theirs.version, [protocolHeader]: theirs.protocol };
    const about = { ...theirs, schemaVersion: 1, node: 'v26', engine: 'x' };
    response.writeHead(200, { ...headers, 'content-type': 'application/json' }).end(JSON.stringify(about));
  });
  const asked = () => fake.requests.filter(({ url }) => url === '/v1/shutdown').length;
  return { asked, [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose]() };
}

const environment = () => ({ HOLDFAST_HOME: home.home, HOLDFAST_NO_AUTOSTART: undefined });
const calls = () => runProcess<Report>(join(root, module), ['3'], environment()).done;

describe('a daemon of another version', () => {
  it('slopus/happy#1107: that does not go is asked once by each newer version, whichever clients take turns', async () => {
    using next = new OldTree(newer);
    await using daemon = await listen(older);
    const ofNext = () => next.run<Report>(module, ['3'], environment()).done;
    const asked = [];
    for (const application of [calls, calls, ofNext, calls, ofNext, calls]) {
      expect(await application()).toEqual(Array.from({ length: 3 }, () => ({ version: older.version })));
      asked.push(daemon.asked());
    }
    expect(asked).toEqual([1, 1, 2, 2, 2, 2]);
  });

  it('that is incompatible and nobody may stop: the error says which side to upgrade', async () => {
    await using daemon = await listen(oldest);
    const client = home.client();
    await expect(client.system.version()).rejects.toMatchObject({
      code: 'incompatible',
      message: expect.stringContaining(`holdfast ${oldest.version} is running`),
    });
    await expect(client.feeds.list()).rejects.toMatchObject({ message: expect.stringContaining('Upgrade the daemon') });
    expect(daemon.asked()).toBe(0);
  });

  it('red control: one of the same version is left alone', async () => {
    await using daemon = await listen(ours);
    expect(await calls()).toEqual(Array.from({ length: 3 }, () => ({ version: ours.version })));
    expect(daemon.asked()).toBe(0);
  });
});
