import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { send } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { refusal, wrongFields } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

const hour = 3_600_000;
const none = { abandoned: [], leased: [], damaged: [] };
const statusOf = async (client: Client, id: string) => (await client.sessions.get({ id })).status;

describe('abandoning what was left behind', () => {
  let home: TestHome;
  let apps = 0;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const fresh = () => home.client({ app: `abandon-${++apps}` });

  it('marks the active ones that are idle, and only those', async () => {
    const client = fresh();
    expect(await client.sessions.abandon({ idleMs: 0 })).toEqual(none);
    for (const id of ['b', 'a']) await client.sessions.create({ id });
    for (const status of ['paused', 'completed', 'abandoned'] as const) {
      await client.sessions.create({ id: status, status });
    }
    await client.sessions.create({ id: 'gone' });
    await client.sessions.delete({ id: 'gone' });
    await fresh().sessions.create({ id: 'elsewhere' });
    expect(await client.sessions.abandon({ idleMs: hour })).toEqual(none);
    expect(await client.sessions.abandon({ idleMs: 0 })).toEqual({ ...none, abandoned: ['b', 'a'] });
    for (const id of ['a', 'b']) expect(await statusOf(client, id)).toBe('abandoned');
    for (const status of ['paused', 'completed']) expect(await statusOf(client, status)).toBe(status);
    expect((await client.sessions.restore({ id: 'gone' })).status).toBe('active');
    expect(await home.client({ app: `abandon-${apps}` }).sessions.get({ id: 'elsewhere' })).toMatchObject({
      status: 'active',
    });
    // Twice is once.
    expect(await client.sessions.abandon({ idleMs: hour })).toEqual(none);
  });

  it('counts from the last change, whichever it was', async () => {
    const client = fresh();
    const idle = ['idle', 'message', 'title', 'delivery', 'draft', 'usage'];
    for (const id of idle) {
      await client.sessions.create({ id });
      await client.sessions.append({ id, messages: [{ id: 'm' }], delivery: 'pending' });
    }
    const before = Date.now();
    await until('they are idle', () => Date.now() > before + 3_000);
    await client.sessions.append({ id: 'message', messages: [{}] });
    await client.sessions.append({ id: 'usage', messages: [{}], usage: { inputTokens: 1 } });
    await client.sessions.update({ id: 'title', patch: { title: 'new' } });
    await client.sessions.setDelivery({ id: 'delivery', messageId: 'm', delivery: 'sent' });
    // An answer that streams for minutes is work, though no message of it is stored yet.
    await client.drafts.put({ id: 'draft', text: 'so far' });
    expect(await client.sessions.abandon({ idleMs: Date.now() - before })).toEqual({ ...none, abandoned: ['idle'] });
  });

  it('leaves the leased ones alone and names them; one whose lease has lapsed is like any other', async () => {
    const client = fresh();
    for (const id of ['held', 'lapsed', 'released', 'free']) await client.sessions.create({ id });
    await client.leases.acquire({ id: 'held', owner: 'x' });
    await client.leases.acquire({ id: 'lapsed', owner: 'x', ttlMs: 100 });
    const { token } = await client.leases.acquire({ id: 'released', owner: 'x' });
    await client.leases.release({ id: 'released', token });
    await until('it has lapsed', async () => (await client.sessions.get({ id: 'lapsed' })).lease === null);
    const answer = { ...none, abandoned: ['lapsed', 'released', 'free'], leased: ['held'] };
    expect(await client.sessions.abandon({ idleMs: 0, dryRun: true })).toEqual(answer);
    expect(await client.sessions.abandon({ idleMs: 0 })).toEqual(answer);
    expect(await statusOf(client, 'held')).toBe('active');
  });

  it('a dry run answers what would be and changes nothing', async () => {
    const client = fresh();
    for (const id of ['a', 'b']) await client.sessions.create({ id });
    const before = await client.sessions.list();
    const planned = await client.sessions.abandon({ idleMs: 0, dryRun: true });
    expect(planned.abandoned).toEqual(['a', 'b']);
    expect(await client.sessions.list()).toEqual(before);
    // Between the plan and the execution somebody went on: that one is spared.
    const { updatedAt } = await client.sessions.get({ id: 'b' });
    await until('the clock moves on', () => Date.now() > Date.parse(updatedAt) + 3_000);
    await client.sessions.append({ id: 'a', messages: [{}] });
    expect(await client.sessions.abandon({ idleMs: Date.now() - Date.parse(updatedAt) })).toEqual({
      ...none,
      abandoned: ['b'],
    });
    expect(await statusOf(client, 'a')).toBe('active');
  });

  it('is a change like any other: a stale write is refused, an append goes on, and it can be taken back', async () => {
    const client = fresh();
    const { id, revision } = await client.sessions.create({ title: 'kept', metadata: { x: 1 } });
    await client.sessions.abandon({ idleMs: 0 });
    const stale = client.sessions.update({ id, patch: { title: 'x' }, expectedRevision: revision });
    expect((await refusal(stale)).code).toBe('stale');
    await client.sessions.append({ id, messages: [{}], status: 'active' });
    expect(await client.sessions.get({ id })).toMatchObject({
      status: 'active',
      title: 'kept',
      metadata: { x: 1 },
      messageCount: 1,
    });
  });

  it('answers a retry what it answered, though more is idle by then', async () => {
    const client = fresh();
    await client.sessions.create({ id: 'a' });
    const abandon = () => client.sessions.abandon({ idleMs: 0 }, { key: 'nightly' });
    const first = await abandon();
    await client.sessions.create({ id: 'b' });
    expect(await abandon()).toEqual(first);
    expect(await statusOf(client, 'b')).toBe('active');
  });

  it('takes thousands at once, or none', async () => {
    const client = fresh();
    const ids = Array.from({ length: 2_000 }, (_, n) => `s-${n}`);
    await Promise.all(ids.map((id) => client.sessions.create({ id })));
    const answers = await Promise.all([1, 2, 3].map(() => client.sessions.abandon({ idleMs: 0 })));
    expect(answers.flatMap(({ abandoned }) => abandoned).toSorted()).toEqual(ids.toSorted());
    expect(answers.filter(({ abandoned }) => abandoned.length > 0)).toHaveLength(1);
    expect((await client.sessions.resumable()).session).toBeNull();
  });

  it('asks for a whole number of milliseconds', async () => {
    const path = '/v1/apps/abandon-0/sessions:abandon';
    for (const idleMs of [undefined, -1, 0.5, '1', null]) {
      expect(wrongFields(await send(home.paths.socket, 'POST', path, { idleMs }))).toEqual(['idleMs']);
    }
    expect((await send(home.paths.socket, 'POST', path, { idleMs: Number.MAX_SAFE_INTEGER })).json).toEqual(none);
  });
});
