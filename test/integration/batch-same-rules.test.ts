import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { send } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { wrongFields } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

// Invariant: what holds for a call on its own route holds for it in a batch.

const url = 'https://example.org/feed.xml';

describe('a call in a batch, as on its own route', () => {
  let home: TestHome;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const post = (body: object) => send(home.paths.socket, 'POST', '/v1/batch', body);
  /** Rows of messages, read by this process: the daemon's is another one. */
  const messages = () => {
    const db = new DatabaseSync(home.paths.database, { readOnly: true });
    const row = db.prepare('SELECT count(*) AS n FROM log WHERE seq IS NOT NULL').get();
    db.close();
    return row?.['n'];
  };

  it('erases at once what it erases', async () => {
    await client.sessions.replace({ id: 's', messages: [{ n: 1 }, { n: 2 }] });
    const run = (erase: boolean) =>
      client.batch.run({ atomic: true, calls: [{ op: 'sessions.delete', input: { id: 's', erase } }] });
    await run(false);
    // Deleted, they stay: that they go is the doing of the erase.
    expect(messages()).toBe(2);
    await run(true);
    await until('the messages are gone', () => messages() === 0);
  });

  it('keeps the code of its problem, whatever its secret is', async () => {
    const auth = { kind: 'bearer', token: 'exists' };
    const call = { op: 'feeds.put', app: 'test', input: { name: 'f', url, auth, ifAbsent: true } };
    await post({ calls: [call] });
    expect((await post({ calls: [call] })).json).toMatchObject({ results: [{ problem: { code: 'exists' } }] });
  });

  it('is for one application: two names are refused, and the one of its input counts', async () => {
    const input = { app: 'other', name: 'of other', url };
    expect(wrongFields(await post({ atomic: true, calls: [{ op: 'feeds.put', app: 'test', input }] }))).toEqual([
      'app',
    ]);
    await client.batch.run({ atomic: true, calls: [{ op: 'feeds.put', input }] });
    expect((await client.feeds.get({ app: 'other', name: 'of other' })).url).toBe(url);
  });
});
