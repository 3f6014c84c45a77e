import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { draftWriter, HoldfastError, type Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { itemsOf } from '../helpers/pages.ts';
import { refusal } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

type Put = Client['drafts']['put'];
const never = 3_600_000;
const messages = [{ role: 'assistant', content: 'The answer.' }];

describe('a draft that becomes its answer', () => {
  let home: TestHome;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());
  const newSession = async () => (await client.sessions.create()).id;
  const draftOf = async (id: string) => {
    const answer = await client.drafts.get({ id }).catch(() => undefined);
    return answer?.text;
  };

  it.each([0, never])(
    'leaves none behind, neither at once nor when it is disposed (interval %i ms)',
    async (intervalMs) => {
      const id = await newSession();
      {
        await using draft = draftWriter(client, { id, intervalMs });
        draft.update('The answer so f');
        expect(await draft.complete({ messages, usage: { outputTokens: 3 } })).toMatchObject({ head: 1 });
        // A stream that is told to stop may still bring a piece.
        draft.update('The answer so far');
      }
      expect(await draftOf(id)).toBeUndefined();
      expect(await client.sessions.get({ id })).toMatchObject({ messageCount: 1, outputTokens: 3 });
    },
  );

  it('red control: an append of its own leaves the late draft behind', async () => {
    const id = await newSession();
    {
      await using draft = draftWriter(client, { id, intervalMs: never });
      draft.update('The answer so f');
      await client.sessions.append({ id, messages, clearDraft: true });
    }
    expect(await draftOf(id)).toBe('The answer so f');
  });

  it('waits for the write that is under way, so that it does not come after', async () => {
    const id = await newSession();
    const released = Promise.withResolvers<void>();
    let begun = false;
    const slow = {
      ...client,
      drafts: {
        put: async (input: Parameters<Put>[0]) => {
          begun = true;
          await released.promise;
          return client.drafts.put(input);
        },
      },
    };
    await using draft = draftWriter(slow, { id, intervalMs: 1 });
    draft.update('The answer so f');
    await until('the write has begun', () => begun);
    const completed = draft.complete({ messages });
    for (let turn = 0; turn < 100; turn++) await setImmediate();
    expect((await client.sessions.get({ id })).messageCount).toBe(0);
    released.resolve();
    await completed;
    expect(await draftOf(id)).toBeUndefined();
    expect(itemsOf(await client.sessions.messages({ id }))).toHaveLength(1);
  });

  it('is not written by a flush beside it', async () => {
    const id = await newSession();
    const draft = draftWriter(client, { id, intervalMs: never });
    draft.update('The answer so f');
    await Promise.all([draft.complete({ messages }), draft.flush()]);
    await draft.flush();
    expect(await draftOf(id)).toBeUndefined();
  });

  it('carries the lease and the application of the draft', async () => {
    const other = home.client({ app: 'other' });
    await other.sessions.create({ id: 's' });
    const { token } = await other.leases.acquire({ id: 's', owner: 'writer' });
    await using draft = draftWriter(client, { id: 's', app: 'other', lease: token });
    draft.update('so far');
    await draft.complete({ messages, status: 'completed' });
    expect(await other.sessions.get({ id: 's' })).toMatchObject({ messageCount: 1, status: 'completed' });
  });

  it('appends once, and leaves none behind, when it is called again because the answer was lost', async () => {
    const id = await newSession();
    const usage = { outputTokens: 3 };
    let lost = 0;
    const lossy = {
      ...client,
      sessions: {
        append: async (...call: Parameters<Client['sessions']['append']>) => {
          const answer = await client.sessions.append(...call);
          if (lost++ > 0) return answer;
          throw new HoldfastError('unavailable', 'The answer was lost.');
        },
      },
    };
    {
      await using draft = draftWriter(lossy, { id, intervalMs: never });
      draft.update('The answer so f');
      expect((await refusal(draft.complete({ messages, usage }))).code).toBe('unavailable');
      draft.update('The answer so far');
      await draft.flush();
      expect(await draftOf(id)).toBeUndefined();
      // Others than those that are stored by then.
      const others = [{ role: 'assistant', content: 'Another answer.' }];
      expect((await refusal(draft.complete({ messages: others }))).code).toBe('key_reused');
      await draft.flush();
      expect(await draftOf(id)).toBeUndefined();
      expect(await draft.complete({ messages, usage })).toMatchObject({ head: 1 });
    }
    expect(await draftOf(id)).toBeUndefined();
    expect(await client.sessions.get({ id })).toMatchObject({ messageCount: 1, outputTokens: 3 });
  });

  it('that is no JSON is kept, as one that was refused', async () => {
    const id = await newSession();
    {
      await using draft = draftWriter(client, { id, intervalMs: never });
      draft.update('The answer so f');
      expect((await refusal(draft.complete({ messages: [{ n: 1n }] as never }))).code).toBe('invalid_input');
    }
    expect(await draftOf(id)).toBe('The answer so f');
  });

  it('that could not be appended is kept, at the latest when it is disposed', async () => {
    const id = await newSession();
    {
      await using draft = draftWriter(client, { id, intervalMs: never });
      draft.update('The answer so f');
      expect((await refusal(draft.complete({ messages, expectedHead: 7 }))).code).toBe('stale');
    }
    expect(await draftOf(id)).toBe('The answer so f');
  });

  it('that could not be appended goes on within the interval', async () => {
    const id = await newSession();
    await using draft = draftWriter(client, { id, intervalMs: 5 });
    draft.update('one');
    expect((await refusal(draft.complete({ messages, expectedHead: 7 }))).code).toBe('stale');
    draft.update('two');
    await until('the next text is kept', async () => (await draftOf(id)) === 'two');
    await draft.complete({ messages, expectedHead: 0 });
    expect(await draftOf(id)).toBeUndefined();
  });
});
