import { describe, expect, it } from 'vitest';
import { send } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { wrongFields } from '../helpers/refusal.ts';

// Inkwell P2.2: no value is kept that no request could carry, and what is refused is named, not quoted.

const url = 'https://example.org/feed.xml';
const basic = { kind: 'basic' as const, username: 'me', password: 'pass word' };

describe('Inkwell P2.2: values of the credentials of feeds', () => {
  it('takes values up to their limits, exactly', async () => {
    await using home = new TestHome();
    await home.start();
    const { feeds } = home.client();
    for (const auth of [
      { kind: 'basic' as const, username: 'ü'.repeat(255), password: `  ${'é😀'.repeat(80)}  ` },
      { kind: 'bearer' as const, token: 'x'.repeat(1000) },
      { kind: 'basic' as const, username: '\u00a9', password: ' pass:word ' },
    ]) {
      await feeds.put({ name: 'a', url, auth });
      expect(await feeds.credentials({ name: 'a' })).toEqual(auth);
    }
  });

  it.each<[string, object, string]>([
    ['a NUL', { kind: 'bearer', token: 'mark\0er-of-a-secret' }, 'auth.token'],
    ['a line end', { kind: 'bearer', token: 'marker-of\r\n-a-secret' }, 'auth.token'],
    [
      'a C1 control character',
      { kind: 'basic', username: 'me', password: 'marker-of\u0085-a-secret' },
      'auth.password',
    ],
    ['a lone surrogate', { kind: 'bearer', token: 'marker-of-a-secret\ud800' }, 'auth.token'],
    [
      '256 characters of a user name',
      { kind: 'basic', username: `marker${'x'.repeat(250)}`, password: 'p' },
      'auth.username',
    ],
    [
      '256 characters of a password',
      { kind: 'basic', username: 'me', password: `marker${'x'.repeat(250)}` },
      'auth.password',
    ],
    ['1001 characters of a token', { kind: 'bearer', token: `marker${'x'.repeat(995)}` }, 'auth.token'],
    ['a colon in the user name', { kind: 'basic', username: 'mar:ker', password: 'p' }, 'auth.username'],
    ['no password', { kind: 'basic', username: 'marker-of-a-secret' }, 'auth.password'],
    ['an empty token', { kind: 'bearer', token: '' }, 'auth.token'],
    ['a blank token', { kind: 'bearer', token: ' \u00a0 ' }, 'auth.token'],
    ['the text of a missing value', { kind: 'bearer', token: 'undefined' }, 'auth.token'],
    ['another kind', { kind: 'digest', username: 'me' }, 'auth.kind'],
  ])('refuses %s by the name of the field, without its value, and keeps what is stored', async (_, auth, field) => {
    await using home = new TestHome();
    const daemon = await home.start();
    const client = home.client();
    await client.feeds.put({ name: 'a', url, auth: basic });
    for (const [method, body] of [
      ['PUT', { url, auth }],
      ['PATCH', { patch: { auth } }],
    ] as const) {
      const reply = await send(home.paths.socket, method, '/v1/apps/test/feeds/a', body);
      expect([reply.status, [...new Set(wrongFields(reply))]]).toEqual([
        400,
        [method === 'PUT' ? field : `patch.${field}`],
      ]);
      expect(reply.text).not.toMatch(/mar.?ker|a-secret/);
    }
    expect(await client.feeds.credentials({ name: 'a' })).toEqual(basic);
    await daemon.end();
    expect(JSON.stringify(daemon.log) + daemon.stderr).not.toMatch(/mar.?ker|a-secret/);
  });
});
