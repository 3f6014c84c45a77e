import { expect, it } from 'vitest';
import { send } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { itemsOf, walk } from '../helpers/pages.ts';

// Invariant: writes whose answers are large together are each answered, in their order, though one transaction does not
// hold them all.

it('what one client does at once with a large message takes effect in its order', async () => {
  await using home = new TestHome();
  await home.start();
  const client = home.client();
  const at = { queue: 'q', id: 'big' };
  await client.queues.add({ ...at, body: { text: 'x'.repeat(1e6) } });
  const one = client.queues.add({ queue: 'q', id: 'small', body: {} });
  const answers = Array.from({ length: 40 }, (_, n) => client.queues.edit({ ...at, patch: { body: { n } } }));
  const removed = client.queues.remove(at);
  const messages = await Promise.all(answers);
  expect(messages.map(({ body }) => body['n'])).toEqual(messages.map((_, n) => n));
  expect(new Set(messages.map(({ revision }) => revision)).size).toBe(40);
  expect([(await one).id, (await removed).id]).toEqual(['small', 'big']);
  expect(itemsOf(await walk((cursor) => client.queues.list({ queue: 'q', ...cursor })))).toMatchObject([
    { id: 'small' },
  ]);
});

it('what the answer of a batch cannot hold is made all the same, told by name, and answered to whoever asks again', async () => {
  await using home = new TestHome();
  await home.start();
  const client = home.client({ app: 'test' });
  const at = { queue: 'q', id: 'big' };
  await client.queues.add({ ...at, body: { text: 'x'.repeat(1e6) } });
  const edits = (key: (n: number) => string | undefined) => ({
    calls: Array.from({ length: 40 }, (_, n) => ({
      op: 'queues.edit',
      app: 'test',
      input: { ...at, patch: { group: `g${n}` } },
      key: key(n),
    })),
  });
  interface Result {
    status: number;
    output?: { group: string };
    problem?: { code: string; retryable: boolean };
  }
  const results = async (body: object) =>
    ((await send(home.paths.socket, 'POST', '/v1/batch', body)).json as { results: Result[] }).results;

  const first = await results(edits((n) => `k${n}`));
  expect(first.slice(0, 33).map(({ output }) => output?.group)).toEqual(Array.from({ length: 33 }, (_, n) => `g${n}`));
  expect(first.slice(33).map(({ problem }) => problem)).toMatchObject(
    Array.from({ length: 7 }, () => ({ code: 'busy', retryable: true })),
  );
  expect((await client.queues.get(at)).group).toBe('g39');
  // The same call by its key: its first answer, and nothing is done again.
  const rest = await results({ calls: edits((n) => `k${n}`).calls.slice(33) });
  expect(rest.map(({ output }) => output?.group)).toEqual(Array.from({ length: 7 }, (_, n) => `g${n + 33}`));
  // Without a key to ask by, it is told as done.
  const unkeyed = await results(edits(() => undefined));
  expect(unkeyed.at(-1)?.problem).toMatchObject({ code: 'too_large', retryable: false });
  // The client asks again by itself.
  const all = await Promise.all(
    Array.from({ length: 40 }, (_, n) => client.queues.edit({ ...at, patch: { group: `c${n}` } })),
  );
  expect(all.map(({ group }) => group)).toEqual(Array.from({ length: 40 }, (_, n) => `c${n}`));
});
