import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, type Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { lossySocket } from '../helpers/model-lossy.ts';
import { Random } from '../helpers/model-random.ts';

// Invariant: a write happens once, whatever the key and whichever way it travels, by the count of the daemon's rows.

describe('the key of a write', () => {
  let home: TestHome;
  let client: Client;
  let sessions = 0;
  let id: string;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());
  const fresh = async () => {
    id = `s${++sessions}`;
    await client.sessions.create({ id });
  };
  const append = (key: string) => client.sessions.append({ id, messages: [{ n: 1 }] }, { key });
  const head = async () => (await client.sessions.get({ id })).head;

  /** Loses the first answer: what was asked is done, and asked again. */
  const losingOne = async () => {
    let lost = 0;
    const once = Object.assign(new Random(1), { chance: (share: number) => share === 1 && lost++ === 0 });
    return lossySocket(`${home.home}/lossy.sock`, home.paths.socket, once, 1);
  };

  it.each(['left out', 'given as undefined'])(
    '%s in a call of a batch is made for it: sent again, it happens once',
    async (how) => {
      await fresh();
      await using lossy = await losingOne();
      await using own = connect({ app: 'test', socket: `${home.home}/lossy.sock` });
      // As an application writes it that has no type checker.
      const given = how === 'left out' ? {} : ({ app: undefined, key: undefined } as object);
      const call = { op: 'sessions.append' as const, input: { id, messages: [{ n: 1 }] }, ...given };
      const { results } = await own.batch.run({ calls: [call, call] });
      expect(results.map(({ status }) => status)).toEqual([201, 201]);
      expect([lossy.counts.answers, await head()]).toEqual([1, 2]);
    },
  );

  it.each(['"in quotes"', ' with a space', 'and behind ', '"', '""', '"half', 'plain', '""twice""'])(
    '%j is the same alone and beside other writes; another one is another (red control)',
    async (key) => {
      await fresh();
      // Alone, as part of a batch behind that, and alone again.
      await Promise.all([append(key), append(key), append(key)]);
      await append(key);
      expect(await head()).toBe(1);
      await append(`${key}.`);
      expect(await head()).toBe(2);
    },
  );

  it('in quotes and the same without them are two', async () => {
    await fresh();
    for (const key of [id, `"${id}"`]) await append(key);
    expect(await head()).toBe(2);
  });
});
