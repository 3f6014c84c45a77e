import { Console } from 'node:console';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { format, inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HoldfastError, type Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { refusal } from '../helpers/refusal.ts';
import { granted, Markers } from '../helpers/secrets.ts';

// Debug output of what holds a secret prints none: what a person adds in a hurry must not fill a log with tokens. Against
// the real daemon; conceal.test.ts has the corners.

/** Everything that a person prints a value by. */
async function printed(value: unknown): Promise<string> {
  const stream = new PassThrough();
  const console = new Console({ stdout: stream, stderr: stream });
  for (const one of [value, [value], { nested: { value } }, new Map([['value', value]])]) {
    console.log(one);
    console.error('failed:', one);
    console.log('%o %O %s', one, one, one);
    console.dir(one, { depth: null, showHidden: true });
    console.log(inspect(one, { depth: null, showHidden: true, showProxy: true, compact: false, colors: true }));
    console.log(inspect(one, { customInspect: false, depth: null }));
    console.log(`${format(one)} ${String(one)}`);
  }
  console.trace(value);
  stream.end();
  return text(stream);
}

describe('debug output', () => {
  let home: TestHome;
  let client: Client;
  const markers = new Markers();
  const url = 'https://example.org/feed.xml';
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
    const far = '2100-01-01T00:00:00.000Z';
    await client.auth.put({ profile: 'key', kind: 'api-key', apiKey: markers.password('key') });
    const refreshToken = markers.token('refresh');
    await client.auth.put({ profile: 'good', kind: 'oauth', accessToken: markers.token('access'), expiresAt: far });
    await client.auth.put({ profile: 'over', kind: 'oauth', refreshToken });
    const basic = {
      kind: 'basic' as const,
      username: markers.password('user'),
      password: markers.password('password'),
    };
    await client.feeds.put({ name: 'basic', url, auth: basic });
    await client.feeds.put({ name: 'bearer', url, auth: { kind: 'bearer', token: markers.token('bearer') } });
    await client.pending.put({ state: 's', secret: markers.password('pending') });
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const secret = () => markers.token(`refused ${markers.all.size}`);
  const answers: Record<string, () => Promise<unknown>> = {
    'a token': () => client.auth.token({ profile: 'good' }),
    'an API key': () => client.auth.token({ profile: 'key' }),
    'a fresh token': () => client.auth.refresh({ profile: 'good' }),
    'a grant': () => granted(client, 'over'),
    'a user name and a password': () => client.feeds.credentials({ name: 'basic' }),
    'a bearer token': () => client.feeds.credentials({ name: 'bearer' }),
    'a pending secret': () => client.pending.take({ state: 's' }),
    'the handle of a token': () => client.auth.withToken('good', () => Promise.reject(new Error('not called'))),
    'the handle of an API key': () => client.auth.withToken('key', () => Promise.reject(new Error('not called'))),
  };
  it.each(Object.keys(answers))('of %s', async (name) => {
    const answer = await (answers[name] as () => Promise<unknown>)();
    // It is there for who asks for it.
    expect(markers.in(JSON.stringify(answer))).not.toEqual([]);
    expect(markers.in(await printed(answer))).toEqual([]);
  });

  it('of a recovery code', async () => {
    const backup = await client.keys.backup();
    expect(JSON.stringify(backup)).toContain(backup.code);
    expect(await printed(backup)).not.toContain(backup.code);
  });

  it('of the client, and of what it keeps', async () => {
    await client.auth.withToken('good', () => Promise.reject(new Error('not called')));
    expect(markers.in(await printed(client))).toEqual([]);
  });

  it('of the error of every call that was refused with a secret in it', async () => {
    const wrong = async (input: object) => refusal(client.auth.put({ profile: 'p', ...input } as never));
    const errors = [
      await wrong({ kind: 'oauth', accessToken: [secret()] }),
      await wrong({ kind: 'oauth', accessToken: `${secret()}\n` }),
      await wrong({ kind: 'oauth', apiKey: secret() }),
      await wrong({ kind: 'api-key', apiKey: secret(), [`extra`]: secret() }),
      await refusal(client.feeds.put({ name: 'x', url: `https://u:${secret()}@example.org/` })),
      await refusal(client.keys.restore({ code: secret() })),
      await refusal(client.keys.unlock({ passphrase: secret() })),
      await refusal(client.auth.commitRefresh({ profile: 'good', lease: secret(), accessToken: secret() })),
      await refusal(client.pending.put({ state: 's', secret: secret().repeat(400) })),
    ];
    for (const error of errors) {
      expect(error).toBeInstanceOf(HoldfastError);
      expect(markers.in(await printed(error))).toEqual([]);
      expect(markers.in(`${error.stack} ${JSON.stringify(error)} ${JSON.stringify(error.details)}`)).toEqual([]);
    }
  });

  it('red control: of a plain object with the same fields', async () => {
    const answer = { ...(await client.auth.token({ profile: 'good' })) };
    expect(markers.in(await printed(answer))).toContain('access: raw');
  });
});
