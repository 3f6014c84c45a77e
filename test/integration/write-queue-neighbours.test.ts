import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { itemsOf } from '../helpers/pages.ts';
import { refusal } from '../helpers/refusal.ts';

// Invariant: what is wrong with one write is told to its caller alone, whatever travelled with it.

let home: TestHome;
let client: Client;
beforeAll(async () => {
  home = new TestHome();
  await home.start();
  client = home.client();
});
afterAll(() => home[Symbol.asyncDispose]());

const nested = (levels: number): object => (levels === 0 ? {} : { of: nested(levels - 1) });

it.each<[string, object, string]>([
  ['an application that is none', { app: 'Not one' }, 'app must be 1 to 64 of a-z'],
  ['a number that JSON has none for', { messages: [{ n: Number.NaN }] }, 'n must not be NaN'],
  ['a message that nests too deep', { messages: [nested(250)] }, 'must not nest deeper than 200 levels'],
])('a write with %s is refused; those beside it are made, in order', async (id, wrong, says) => {
  await client.sessions.create({ id });
  const append = (n: number, more: object = {}) => client.sessions.append({ id, messages: [{ n }], ...more });
  const made = [0, 1, 2].map((n) => append(n));
  const refused = refusal(append(3, wrong));
  made.push(append(4));
  expect((await refused).code).toBe('invalid_input');
  expect((await refused).message).toContain(says);
  expect((await Promise.all(made)).map(({ head }) => head)).toEqual([1, 2, 3, 4]);
  expect(itemsOf(await client.sessions.messages({ id })).map(({ n }) => n)).toEqual([0, 1, 2, 4]);
  // Red control: a batch that holds it is refused as a whole.
  const calls = [{}, wrong].map((more) => {
    const { app = 'test', ...input } = { id, messages: [{ n: 5 }], ...more } as {
      app?: string;
      id: string;
      messages: object[];
    };
    return { op: 'sessions.append' as const, app, input };
  });
  expect(await refusal(client.batch.run({ calls }))).toMatchObject({ code: 'invalid_input' });
});
