import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeOf } from '../../client/retry.ts';
import { curl } from '../helpers/curl.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { lossySocket } from '../helpers/model-lossy.ts';
import { Random } from '../helpers/model-random.ts';
import { itemsOf } from '../helpers/pages.ts';
import { refusal } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

// Invariant: what may have been executed is sent again only where it then happens once, by the count of the daemon's rows.

const count = 60;
const path = '/v1/apps/test/sessions/s/messages';

describe('MetaMask/core#9511: a connection that ends is not one that was refused', () => {
  let home: TestHome;
  let daemon: DaemonProcess;
  let lossy: Awaited<ReturnType<typeof lossySocket>>;
  const socket = () => `${home.home}/lossy.sock`;
  beforeAll(async () => {
    home = new TestHome();
    daemon = await home.start();
    await home.client().sessions.create({ id: 's' });
    lossy = await lossySocket(socket(), home.paths.socket, new Random(9511), 0.5);
  });
  afterAll(async () => {
    await lossy[Symbol.asyncDispose]();
    await home[Symbol.asyncDispose]();
  });
  const stored = async () => itemsOf(await home.client().sessions.messages({ id: 's', limit: 1000 }));

  it('after a lost answer a write is sent again with its key, and happens once', async () => {
    const client = home.client({ socket: socket() });
    for (let n = 0; n < count; n++) await client.sessions.append({ id: 's', messages: [{ n }] });
    expect((await stored()).map(({ n }) => n)).toEqual(Array.from({ length: count }, (_, n) => n));
    expect(lossy.counts.answers).toBeGreaterThan(count / 4);
    expect(lossy.counts.requests).toBeGreaterThan(0);
  });

  it('red control: sent again without a key it happens more often', async () => {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ messages: [{ content: 'blind' }] });
    for (let written = 0; written < 10;) {
      const answer = await curl(socket(), 'POST', path, { headers, body }).catch((): undefined => undefined);
      if (answer?.status === 201) written += 1;
    }
    expect((await stored()).slice(count).length).toBeGreaterThan(10);
  });

  it('TestSprite-cli#103: what has no key is sent once: a stop whose answer is lost stops no second daemon', async () => {
    const answersLost = Object.assign(new Random(103), { chance: (share: number) => share === 1 });
    await using cut = await lossySocket(`${home.home}/cut.sock`, home.paths.socket, answersLost, 1);
    const client = home.client({ socket: `${home.home}/cut.sock` });
    const { cause } = await refusal(client.system.shutdown());
    expect([codeOf(cause), cut.counts.answers]).toEqual(['ECONNRESET', 1]);
    expect(await daemon.exited).toEqual({ code: 0, signal: null });
    const next = await home.start();
    // Red control: what may be repeated is, by the same client.
    const listing = client.feeds.list({}).catch(() => undefined);
    await until('it is sent again', () => cut.counts.answers > 2);
    client.close();
    await listing;
    expect((await home.client().system.health()).pid).toBe(next.pid);
  });
});
