import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { refusal } from '../helpers/refusal.ts';
import { load, put, validSessions } from './claudelet-sessions.ts';

describe('Claudelet H8: which session a terminal means', () => {
  let home: TestHome;
  let client: Client;
  const sessions = validSessions.filter(({ session_id: id }) => !id.startsWith('f4b6799d'));
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
    const documents = sessions.map(({ path }) => load(path));
    // In the order in which they were last saved.
    for (const data of documents.toSorted((a, b) => Date.parse(a.updatedAt) - Date.parse(b.updatedAt))) {
      await put(client, data);
    }
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const twins = ['e86f2c74-4856-420f-b344-e19cba6f0000', 'e86f2c74-4856-420f-b344-e19cba6f0001'];
  const alone = sessions.map(({ session_id: id }) => id).filter((id) => !twins.includes(id));

  it.each(alone)('the first 8 characters of %s, as it shows them', async (id) => {
    expect(await client.sessions.resolve({ prefix: id.slice(0, 8) })).toEqual({ id });
  });

  it('the first 8 characters of two: both are named, and none is guessed', async () => {
    const refused = await refusal(client.sessions.resolve({ prefix: 'e86f2c74' }));
    expect(refused).toMatchObject({ code: 'ambiguous', status: 409, details: { candidates: twins } });
  });

  it('an empty or short prefix is refused, and not the newest session', async () => {
    for (const prefix of ['', ' ', 'e86']) {
      expect((await refusal(client.sessions.resolve({ prefix }))).details.errors).toMatchObject([{ path: 'prefix' }]);
    }
  });

  it('sessions of one minute whose ids begin alike are two', async () => {
    const data = load('17667792');
    const other = { ...data, sessionId: '1766779262000-zz81aa', messages: [] };
    await put(client, other);
    expect((await client.sessions.get({ id: data.sessionId })).messageCount).toBe(1);
    expect((await client.sessions.get({ id: other.sessionId })).messageCount).toBe(0);
  });

  it('the one to resume is the newest active one of the directory that nobody holds', async () => {
    const workingDirectory = '/home/dev/projects/demo-app';
    const resumable = async () => (await client.sessions.resumable({ workingDirectory })).session?.id;
    const [newest = '', older = ''] = ['2e3b3f30', 'd3de0e99'].map((name) => load(name).sessionId);
    expect(await resumable()).toBe(newest);
    const { token } = await client.leases.acquire({ id: newest, owner: 'another terminal' });
    expect(await resumable()).toBe(older);
    await client.leases.release({ id: newest, token });
    await client.sessions.update({ id: newest, patch: { status: 'completed' } });
    expect(await resumable()).toBe(older);
    await client.sessions.update({ id: older, patch: { status: 'completed' } });
    // One that came without a status is over, too.
    expect(await resumable()).toBeUndefined();
  });
});
