import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { refusal } from '../helpers/refusal.ts';
import { load, put, read, type SessionData } from './claudelet-sessions.ts';

// Invariant: a document that was made from an older state never takes its place without a word. The finding asks for
// 409; a stale revision is 412 here, and a document that lacks messages is 409.

const said = (content: string) => ({ role: 'user', content, timestamp: '2026-01-01T00:00:00.000Z' });
const without = (code: string, status: number) => ({ code, status, retryable: false });

describe('Claudelet H2: an old list of messages over a new one', () => {
  let home: TestHome;
  let one: Client;
  let two: Client;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    [one, two] = [home.client(), home.client()];
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const older = load('2025-12-08_10-00_4890d032.json');
  const newer = load('4890d032 copy');
  let sessions = 0;
  /** The older and the newer state of a session of its own, of which the newer one is stored. */
  async function bothStates() {
    const sessionId = `4890d032-${++sessions}`;
    const old: SessionData = { ...older, sessionId };
    const now: SessionData = { ...newer, sessionId };
    const { revision } = await put(one, old);
    const { revision: current } = await put(two, now, { expectedRevision: revision });
    const unchanged = async () => {
      expect(await read(one, sessionId)).toEqual(now);
      expect(await two.sessions.get({ id: sessionId })).toMatchObject({ revision: current, generation: 0 });
    };
    return { id: sessionId, old, now, revision, current, unchanged };
  }

  it('put with the revision it was made from: 412 with the current one', async () => {
    const { old, revision, current, unchanged } = await bothStates();
    const refused = await refusal(put(one, old, { expectedRevision: revision }));
    expect(refused).toMatchObject({ ...without('stale', 412), details: { current } });
    await unchanged();
  });

  it('as long as the new one, or longer: 412 all the same', async () => {
    const { old, revision, unchanged } = await bothStates();
    for (const more of [[said('mine')], [said('mine'), said('and more')]]) {
      const mine = { ...old, messages: [...old.messages, ...more] };
      const refused = await refusal(put(one, mine, { expectedRevision: revision, allowShrink: true }));
      expect(refused).toMatchObject(without('stale', 412));
    }
    await unchanged();
  });

  it('put without a revision cannot shrink the history', async () => {
    const { old, now, unchanged } = await bothStates();
    for (const messages of [old.messages, [], now.messages.slice(1), [said('other')]]) {
      const refused = await refusal(put(one, { ...now, messages }));
      expect(refused).toMatchObject({ ...without('drops_messages', 409), details: { current: now.messages.length } });
      expect(refused.message).toContain('allowShrink');
    }
    await unchanged();
  });

  it('put without a revision by an application that gives ids cannot drop one, at any length', async () => {
    const id = 'with ids';
    const stored = ['a', 'b', 'c'].map((name) => ({ id: name, ...said(name) }));
    await one.sessions.replace({ id, messages: stored });
    for (const names of [
      ['a', 'x', 'y', 'z'],
      ['a', 'b', 'd'],
      ['x', 'a', 'b'],
      ['c', 'b', 'd', 'e'],
    ]) {
      const messages = names.map((name) => ({ id: name, ...said(name) }));
      expect(await refusal(two.sessions.replace({ id, messages }))).toMatchObject(without('drops_messages', 409));
    }
    expect((await one.sessions.messages({ id })).items).toMatchObject(stored);
  });

  it('put without revision and without ids cannot put its own message in the place of another terminal’s', async () => {
    const { old, unchanged } = await bothStates();
    const mine = { ...old, messages: [...old.messages, said('mine')] };
    expect((await refusal(put(one, mine))).code).toBe('drops_messages');
    await unchanged();
  });

  it('that lacks what the user interface does not show: the system message stays', async () => {
    const { id } = await one.sessions.create();
    await one.sessions.append({ id, messages: [{ role: 'system', content: 'be brief' }, said('hi')] });
    const shown = [said('hi')];
    expect((await refusal(one.sessions.replace({ id, messages: shown }))).code).toBe('drops_messages');
    expect((await one.sessions.messages({ id })).items).toHaveLength(2);
  });

  it('sent again after its answer was lost is answered as it was, and does not come back over the new one', async () => {
    const { now, id, current } = await bothStates();
    const call = { id, messages: [...now.messages, said('mine')], expectedRevision: current };
    const answer = await one.sessions.replace(call, { key: `save ${id}` });
    await two.sessions.append({ id, messages: [said('theirs')], expectedHead: answer.head });
    expect(await one.sessions.replace(call, { key: `save ${id}` })).toEqual(answer);
    const contents = (await two.sessions.messages({ id })).items.map((item) => ('role' in item ? item['content'] : ''));
    expect(contents.slice(-2)).toEqual(['mine', 'theirs']);
  });

  it('of two that save at once from the same state, one wins, every time', async () => {
    const { id } = await one.sessions.create();
    const messages: object[] = [];
    for (let round = 0; round < 50; round++) {
      const { revision } = await one.sessions.get({ id });
      const save = (client: Client, name: string) =>
        client.sessions.replace({ id, messages: [...messages, said(`${name} ${round}`)], expectedRevision: revision });
      const outcomes = await Promise.allSettled([save(one, 'one'), save(two, 'two')]);
      const lost = outcomes.filter((outcome) => outcome.status === 'rejected');
      expect(lost).toMatchObject([{ reason: { code: 'stale', status: 412 } }]);
      messages.push(said(`${outcomes[0]?.status === 'fulfilled' ? 'one' : 'two'} ${round}`));
    }
    expect((await two.sessions.messages({ id })).items).toMatchObject(messages);
  });

  it('red control: without the guards the old list is the session, and the other terminal’s message is gone', async () => {
    const { old, id } = await bothStates();
    await put(one, old, { allowShrink: true });
    expect(await read(two, id)).toEqual(old);
  });

  it('status: completing by the old revision is refused, completing twice is no change', async () => {
    const { id, revision, unchanged } = await bothStates();
    const patch = { status: 'completed' as const };
    const refused = await refusal(one.sessions.update({ id, patch: { status: 'active' }, expectedRevision: revision }));
    expect(refused).toMatchObject(without('stale', 412));
    await one.sessions.update({ id, patch });
    await two.sessions.update({ id, patch });
    await unchanged();
  });
});
