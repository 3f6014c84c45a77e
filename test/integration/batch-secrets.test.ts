import { hash } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { send } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { refused } from '../helpers/refusal.ts';
import { Markers } from '../helpers/secrets.ts';

// A secret in a call of a batch is as hidden as one in a call of its own: sealed where it lies, told by a keyed digest, in no
// log and in no error.

const url = 'https://example.org/a-feed-that-is-long-enough-to-be-searched-for.xml';
const feed = { op: 'feeds.put', app: 'test', input: { name: 'f', url } };
const credential = (apiKey: string, app = 'test') => ({
  op: 'auth.put',
  app,
  input: { profile: 'p', kind: 'api-key', apiKey },
});
const pending = (secret: string) => ({ op: 'pending.put', app: 'test', input: { state: 's', secret } });
const post = ({ paths }: TestHome, body: object) => send(paths.socket, 'POST', '/v1/batch', body);

/** The log as texts, and every digest that somebody who guesses could make. The daemon must have ended. */
function logOf(home: TestHome): string {
  const db = new DatabaseSync(home.paths.database, { readOnly: true });
  const rows = db.prepare('SELECT * FROM log').all();
  db.close();
  return rows.flatMap((row) => Object.values(row).map(String)).join('\n');
}
const digests = (text: string) =>
  (['base64url', 'base64', 'hex'] as const).map((form) => hash('sha256', text, form).slice(0, 20));

describe('secrets in a batch', () => {
  it.each([false, true])('atomic %s: lie in no file, log or answer as they are', async (atomic) => {
    await using home = new TestHome();
    const daemon = await home.start();
    const markers = new Markers();
    const [apiKey, later] = [markers.token('api key'), markers.password('pending')];
    const key = (name: string) => (atomic ? {} : { key: name });
    const calls = [feed, { ...credential(apiKey), ...key('a') }, { ...pending(later), ...key('b') }];
    const body = { atomic, calls, ...(atomic && { key: 'k' }) };
    const good = await post(home, body);
    expect(good.status).toBe(200);
    expect((await home.client().auth.token({ profile: 'p' })).apiKey).toBe(apiKey);
    // Refused: one call, the whole, by its schema and by its operation.
    const bad = [
      { ...credential(apiKey), input: { profile: 'p', kind: apiKey, apiKey } },
      { ...credential(apiKey), op: apiKey.slice(0, 60) },
      { ...credential(apiKey), input: { ...credential(apiKey).input, expectedRevision: 'epoch.1' } },
      { ...credential(apiKey), other: apiKey },
    ];
    const said = [good.text];
    for (const call of bad) said.push((await post(home, { atomic, calls: [credential(apiKey), call] })).text);
    said.push((await post(home, { ...body, calls: [...calls, credential(later)] })).text);
    expect(markers.in(said.join('\n'))).toEqual([]);
    expect(markers.saidBy(daemon)).toEqual([]);
    await daemon.end();
    expect(markers.below(home.home)).toEqual([]);
    // Red control: what is no secret is found.
    const open = new Markers();
    open.all.set('url', url);
    expect(open.below(home.home)).toContainEqual(expect.stringContaining('url: data/holdfast.db'));
    expect(open.in(good.text)).toEqual(['url: raw']);
  });

  it.each([
    ['the whole batch', true],
    ['each call', false],
  ])('the same key with another secret is 422, for %s, and the row keeps no plain digest', async (_, atomic) => {
    await using home = new TestHome();
    const daemon = await home.start();
    const body = (pin: string) => {
      const call = credential(pin);
      return atomic ? { atomic, key: 'k', calls: [feed, call] } : { calls: [{ ...call, key: 'k' }] };
    };
    const first = await post(home, body('1234'));
    const verify = async () => {
      expect((await post(home, body('1234'))).text).toBe(first.text);
      const other = await post(home, body('1235'));
      const { code, results } = other.json as { code?: string; results?: { problem: { code: string } }[] };
      expect(code ?? results?.[0]?.problem.code).toBe('key_reused');
    };
    await verify();
    await daemon.end('SIGKILL');
    const second = await home.start();
    await verify();
    await second.end();
    const { app, op, input } = credential('1234');
    const steps = (ordered: object) => ({ calls: [{ op: feed.op, app, input: feed.input, status: 200 }, ordered] });
    const guesses = ['1234', input, { app, ...input }, { ...input, app }, steps({ op, app, input, status: 200 })];
    const kept = logOf(home);
    expect(kept).toContain(atomic ? 'batch.run' : 'auth.put');
    for (const guess of guesses) {
      for (const digest of digests(typeof guess === 'string' ? guess : JSON.stringify(guess))) {
        expect(kept).not.toContain(digest);
      }
    }
  });

  it('the secrets of several applications are sealed for each of them', async () => {
    await using home = new TestHome();
    await home.start();
    const body = { atomic: true, key: 'k', calls: [credential('of a', 'a'), credential('of b', 'b')] };
    const first = await post(home, body);
    expect(first.status).toBe(200);
    for (const app of ['a', 'b']) {
      expect((await home.client({ app }).auth.token({ profile: 'p' })).apiKey).toBe(`of ${app}`);
    }
    expect((await post(home, body)).text).toBe(first.text);
    const changed = { ...body, calls: [credential('of a', 'a'), credential('of c', 'b')] };
    expect(refused(await post(home, changed))).toBe('422 key_reused');
  });
});
