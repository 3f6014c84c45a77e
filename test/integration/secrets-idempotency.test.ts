import { hash } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { contract } from '../../shared/contract.ts';
import { keyHeader } from '../../shared/headers.ts';
import { send } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { refused } from '../helpers/refusal.ts';
import { granted } from '../helpers/secrets.ts';

// The row that remembers a call must not tell its secret, not even to somebody who guesses: a PIN has 10,000 values, and
// a digest that needs no key tells which one it is.

const url = 'https://example.org/feed.xml';
const basic = (password: string) => ({ kind: 'basic', username: 'someone', password });

interface Write {
  operation: { method: string; path: string };
  parse: (input: object) => unknown;
  address: Record<string, string>;
  bodyOf: (secret: string, home: TestHome) => object | Promise<object>;
}
const app = 'test';
const of = (operation: { method: string; path: string; input: { parse: (input: unknown) => unknown } }) => ({
  operation,
  parse: (input: object) => operation.input.parse(input),
});
const leaseOf = async (home: TestHome) => {
  const client = home.client();
  await client.auth.put({ profile: 'o', kind: 'oauth', refreshToken: 'refresh token' });
  return (await granted(client, 'o')).lease;
};
const writes: Record<string, Write> = {
  'auth.put': {
    ...of(contract.auth.put),
    address: { app, profile: 'p' },
    bodyOf: (apiKey) => ({ kind: 'api-key', apiKey }),
  },
  'auth.refresh': {
    ...of(contract.auth.refresh),
    address: { app, profile: 'r' },
    bodyOf: async (rejected, home) => {
      await home.client().auth.put({ profile: 'r', kind: 'oauth', refreshToken: 'refresh token' });
      return { rejected };
    },
  },
  'auth.commitRefresh': {
    ...of(contract.auth.commitRefresh),
    address: { app, profile: 'o' },
    bodyOf: async (accessToken, home) => ({ lease: await leaseOf(home), accessToken }),
  },
  'pending.put': { ...of(contract.pending.put), address: { app, state: 's' }, bodyOf: (secret) => ({ secret }) },
  'feeds.put': {
    ...of(contract.feeds.put),
    address: { app, name: 'f' },
    bodyOf: (secret) => ({ url, auth: basic(secret) }),
  },
};
const patch: Write = {
  ...of(contract.feeds.patch),
  address: { app, name: 'kept' },
  bodyOf: async (secret, home) => {
    await home.client().feeds.put({ name: 'kept', url });
    return { patch: { auth: basic(secret) } };
  },
};

const pathOf = ({ operation, address }: Write) =>
  operation.path.replaceAll(/\{(\w+)\}/g, (_, field: string) => address[field] ?? '');

/** Makes a call with a key, and answers what was sent. */
async function write(home: TestHome, one: Write, body: object) {
  return send(home.paths.socket, one.operation.method, pathOf(one), body, { [keyHeader]: 'k' });
}

/** What the log keeps of the call of key `k`, as texts; the daemon must have ended. */
function remembered(home: TestHome): string[] {
  const db = new DatabaseSync(home.paths.database, { readOnly: true });
  const rows = db.prepare("SELECT * FROM log WHERE key = 'k'").all();
  db.close();
  return rows.flatMap((row) => Object.values(row).map(String));
}

/** Every digest of a text that needs no key, as long as a row would keep it. */
const plainDigests = (text: string) =>
  ['sha256', 'sha512', 'sha1', 'md5'].flatMap((name) =>
    (['base64url', 'base64', 'hex'] as const).map((form) => hash(name, text, form).slice(0, 20)),
  );

/** Whether a row keeps a plain digest of this input, of its body or of its secret. */
function guessable(home: TestHome, { parse, address }: Write, body: object, secret: string): boolean {
  const kept = remembered(home);
  expect(kept.length).toBeGreaterThan(10);
  const inputs = [parse({ ...address, ...body }), { ...address, ...body }, body].map((one) => JSON.stringify(one));
  const digests = [...inputs, secret].flatMap(plainDigests);
  return kept.some((text) => digests.some((digest) => text.includes(digest)));
}

describe('the row that remembers a write with a secret', () => {
  it.each(Object.keys(writes))('%s: keeps no digest that needs no key', async (name) => {
    await using home = new TestHome();
    const daemon = await home.start();
    const one = writes[name] as Write;
    const body = await one.bodyOf('1234', home);
    expect((await write(home, one, body)).status).toBeLessThan(300);
    await daemon.end();
    expect(guessable(home, one, body, '1234')).toBe(false);
  });

  it('feeds.patch: keeps no digest that needs no key', async () => {
    await using home = new TestHome();
    const daemon = await home.start();
    const body = await patch.bodyOf('1234', home);
    expect((await write(home, patch, body)).status).toBe(200);
    await daemon.end();
    expect(guessable(home, patch, body, '1234')).toBe(false);
  });

  it('red control: of a feed without secrets it keeps one', async () => {
    await using home = new TestHome();
    const daemon = await home.start();
    const one = { ...(writes['feeds.put'] as Write) };
    const body = { url, auth: { kind: 'none' } };
    expect((await write(home, one, body)).status).toBe(201);
    await daemon.end();
    expect(guessable(home, one, body, '1234')).toBe(true);
  });

  it.each([...Object.keys(writes), 'feeds.patch'])(
    '%s: the same call is answered the same, another secret is 422, also after a kill and a rotation',
    async (name) => {
      await using home = new TestHome();
      const first = await home.start();
      const one = name === 'feeds.patch' ? patch : (writes[name] as Write);
      const body = await one.bodyOf('1234', home);
      const changed = JSON.parse(JSON.stringify(body).replace('1234', '1235')) as object;
      const answer = await write(home, one, body);
      const verify = async () => {
        const again = await write(home, one, body);
        expect([again.status, again.text]).toEqual([answer.status, answer.text]);
        expect(refused(await write(home, one, changed))).toBe('422 key_reused');
      };
      await verify();
      await first.end('SIGKILL');
      await home.start();
      await verify();
      await home.client().keys.rotate();
      await verify();
      // Another call with the same key is another call, in whatever order its fields came.
      const reordered = Object.fromEntries(Object.entries(body).toReversed());
      expect((await write(home, one, reordered)).text).toBe(answer.text);
    },
  );

  it('is not answered to another application, whose key seals otherwise', async () => {
    await using home = new TestHome();
    await home.start();
    const [a, b] = [home.client({ app: 'a' }), home.client({ app: 'b' })];
    const put = { state: 's', secret: '1234' };
    await a.pending.put(put, { key: 'k' });
    await b.pending.put({ ...put, secret: '1235' }, { key: 'k' });
    expect((await a.pending.take({ state: 's' }, { key: 't' })).secret).toBe('1234');
    expect((await b.pending.take({ state: 's' }, { key: 't' })).secret).toBe('1235');
    // Taken once, and told again to whoever repeats the call, not to whoever makes another.
    expect((await a.pending.take({ state: 's' }, { key: 't' })).secret).toBe('1234');
    await expect(a.pending.take({ state: 's' }, { key: 'other' })).rejects.toMatchObject({ code: 'not_found' });
  });
});
