import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { draftWriter, type Client, type DraftWriterOptions } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { refusal } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

const answer = (content: string) => ({ messages: [{ role: 'assistant', content }] });
const never = 3_600_000;

describe('Claudelet C4: the draft of an answer', () => {
  let home: TestHome;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const newSession = async () => (await client.sessions.create()).id;
  const kept = (id: string) =>
    client.drafts.get({ id }).then(
      ({ text }) => text,
      () => null,
    );
  /** The client, with `before` run ahead of each write of a draft. */
  const watched = (before: (text: string) => unknown) => ({
    sessions: client.sessions,
    drafts: {
      put: async (input: Parameters<Client['drafts']['put']>[0]) => {
        await before(input.text);
        return client.drafts.put(input);
      },
    },
  });
  const writerOf = (id: string, options: Partial<DraftWriterOptions> = {}) =>
    draftWriter(client, { id, intervalMs: never, ...options });

  it('is kept within the interval, without being asked for', async () => {
    const id = await newSession();
    const draft = writerOf(id, { intervalMs: 1 });
    for (const text of ['T', 'Th', 'The ans']) draft.update(text);
    expect(await until('a text is kept', () => kept(id))).toBe('The ans');
  });

  it('is the newest text when a flush resolves, also one that joins a write under way', async () => {
    const id = await newSession();
    const draft = writerOf(id);
    draft.update('one');
    const first = draft.flush();
    draft.update('two');
    await draft.flush();
    expect(await kept(id)).toBe('two');
    await first;
    await draft.flush();
    expect(await kept(id)).toBe('two');
  });

  it('is kept when its scope is left by an error', async () => {
    const id = await newSession();
    const answering = async () => {
      await using draft = writerOf(id);
      draft.update('so far');
      throw new Error('the model hung up');
    };
    await expect(answering()).rejects.toThrow('hung up');
    expect(await kept(id)).toBe('so far');
  });

  it.each(['\ud83d', 'a\0b\ud83d', '👩‍👩‍👧‍👦\udc66', '', 'x'.repeat(4 * 1024 * 1024)])(
    'comes back code unit for code unit',
    async (text) => {
      const id = await newSession();
      await using draft = writerOf(id);
      draft.update(text);
      await draft.flush();
      expect((await kept(id)) === text).toBe(true);
    },
  );

  it('is gone when the answer is complete, and no late write brings it back', async () => {
    const id = await newSession();
    const gate = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    {
      await using draft = draftWriter(
        watched(() => {
          reached.resolve();
          return gate.promise;
        }),
        { id, intervalMs: 1 },
      );
      draft.update('The ans');
      await reached.promise;
      draft.update('The answ');
      const completed = draft.complete(answer('The answer.'));
      draft.update('The answer');
      gate.resolve();
      await completed;
      draft.update('The answer.');
    }
    expect(await kept(id)).toBeNull();
    expect((await client.sessions.messages({ id })).items).toMatchObject([{ content: 'The answer.' }]);
  });

  it('stays when completing it is refused, and goes on being kept', async () => {
    const id = await newSession();
    const draft = writerOf(id, { intervalMs: 1 });
    draft.update('so far');
    expect((await refusal(draft.complete({ ...answer('x'), expectedHead: 9 }))).code).toBe('stale');
    draft.update('so far, and more');
    await until('what came after is kept', async () => (await kept(id)) === 'so far, and more');
    await draft.complete(answer('all of it'));
    expect(await kept(id)).toBeNull();
  });

  it('that was being kept when completing it was refused is not forgotten', async () => {
    const id = await newSession();
    const draft = writerOf(id, { intervalMs: 1 });
    draft.update('so far');
    expect((await refusal(draft.complete({ messages: [] }))).code).toBe('invalid_input');
    await until('it is kept without another update', async () => (await kept(id)) === 'so far');
  });

  it('is not written again at once because a token came meanwhile: the interval holds', async () => {
    const id = await newSession();
    let writes = 0;
    await using draft = draftWriter(
      watched((text) => {
        writes += 1;
        if (writes < 200) draft.update(`${text}.`);
      }),
      { id, intervalMs: never },
    );
    draft.update('.');
    await draft.flush();
    // The text of the call, and at most what came while that was being kept.
    expect(writes).toBeLessThanOrEqual(2);
  });

  it('that cannot be kept is told, and is kept as soon as it can be', async () => {
    const id = await newSession();
    const { token } = await client.leases.acquire({ id, owner: 'another terminal' });
    const errors: unknown[] = [];
    const draft = writerOf(id, { intervalMs: 1, onError: (error) => errors.push(error) });
    draft.update('mine');
    await until('the failure is told', () => errors.length > 0);
    expect(errors).toMatchObject([{ code: 'leased' }]);
    expect((await refusal(draft.flush())).code).toBe('leased');
    await client.leases.release({ id, token });
    await draft.flush();
    expect(await kept(id)).toBe('mine');
  });

  it('of a terminal that was taken over from does not replace that of the new one', async () => {
    const id = await newSession();
    const old = await client.leases.acquire({ id, owner: 'old' });
    const draft = writerOf(id, { lease: old.token });
    draft.update('of the old one');
    await draft.flush();
    const { token } = await client.leases.acquire({ id, owner: 'new', force: true });
    await client.drafts.put({ id, text: 'of the new one', lease: token });
    draft.update('of the old one, late');
    expect((await refusal(draft.flush())).code).toBe('fenced');
    expect((await refusal(draft.complete(answer('late')))).code).toBe('fenced');
    expect(await kept(id)).toBe('of the new one');
    expect((await client.sessions.messages({ id })).items).toEqual([]);
  });
});
