import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { EventReader } from '../helpers/events.ts';
import { refusal } from '../helpers/refusal.ts';

// Invariant: who holds a lease or a claim is who was told its token; what everybody may read of the grant gives nobody its rights.

const queue = 'q';
const messages = [{ role: 'user' }];
let home: TestHome;
let daemon: DaemonProcess;
let client: Client;
/** What the holder was told. */
let lease: string;
let claim: string;
beforeAll(async () => {
  home = new TestHome();
  daemon = await home.start();
  client = home.client();
  await client.sessions.create({ id: 's' });
  await client.queues.add({ queue, id: 'm', body: {} });
  lease = (await client.leases.acquire({ id: 's', owner: 'holder' })).token;
  claim = (await client.queues.claim({ queue })).items[0]?.claim ?? '';
});
afterAll(() => home[Symbol.asyncDispose]());

/** What a sandbox may read of every grant, and what could be made of it. */
async function guesses(): Promise<string[]> {
  using reader = await EventReader.open(home.paths.agentSocket, '?after=0');
  const grants = (await reader.count(4)).changes.flatMap(({ position, tx, requestId }) => [position, tx, requestId]);
  return [...new Set(grants.map(String))].flatMap((grant) => [grant, `${grant}.`, `${grant}.${'A'.repeat(22)}`]);
}

describe('a token', () => {
  it('is not to be made of what the log tells of its grant', async () => {
    const agent = home.client({ socket: home.paths.agentSocket });
    const all = await guesses();
    // The grants are among what was read: only their rights are not.
    expect([lease, claim].map((token) => all.some((guess) => token.startsWith(`${guess}.`)))).toEqual([true, true]);
    for (const guess of all) {
      expect((await refusal(agent.sessions.append({ id: 's', messages, lease: guess }))).code).toBe('fenced');
      expect((await refusal(agent.queues.ack({ queue, id: 'm', claim: guess }))).code).toBe('fenced');
    }
  });

  it('is good for its holder, also after a kill of the daemon (red control)', async () => {
    await daemon.end('SIGKILL');
    daemon = await home.start();
    expect(await client.sessions.append({ id: 's', messages, lease })).toMatchObject({ head: 1 });
    await client.queues.ack({ queue, id: 'm', claim });
  });
});
