import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { curl } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { refusal, refused, wrongFields } from '../helpers/refusal.ts';

const codeOf = async (call: Promise<unknown>) => (await refusal(call)).code;
describe('resolving the beginning of an id', () => {
  let home: TestHome;
  let client: Client;
  const resolve = async (prefix: string) => (await client.sessions.resolve({ prefix })).id;
  const candidates = async (prefix: string) => {
    const error = await refusal(client.sessions.resolve({ prefix }));
    expect(error).toMatchObject({ code: 'ambiguous', status: 409, retryable: false });
    return error.details.candidates;
  };
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client({ app: 'resolve' });
    const ids = ['abcd', 'abcde', 'abcdef', 'abcx', 'other-1', 'under_core', 'underscore', 'Case-1', 'case-2', 'a%c-1'];
    const unicode = ['café-1', '😀😀😀😀-1', '😀😀😀😁-2', 'last\u{10ffff}\u{10ffff}', 'ﬁne-1', 'éééé'];
    for (const id of [...ids, ...unicode]) await client.sessions.create({ id });
  });

  afterAll(() => home[Symbol.asyncDispose]());

  it('answers the one session whose id begins so', async () => {
    expect(await resolve('abcx')).toBe('abcx');
    expect(await resolve('othe')).toBe('other-1');
    expect(await resolve('abcdef')).toBe('abcdef');
  });

  it('answers the session of a whole id, though others begin with it', async () => {
    expect(await resolve('abcd')).toBe('abcd');
    expect(await resolve('abcde')).toBe('abcde');
  });

  it('names the candidates in order where there are several, and never picks one', async () => {
    await client.sessions.create({ id: 'twin-b' });
    await client.sessions.create({ id: 'twin-a' });
    expect(await candidates('twin')).toEqual(['twin-a', 'twin-b']);
    expect(await candidates('twin-')).toEqual(['twin-a', 'twin-b']);
    const many = home.client({ app: 'many' });
    for (let n = 0; n < 25; n++) await many.sessions.create({ id: `same-${String(n).padStart(2, '0')}` });
    const error = await refusal(many.sessions.resolve({ prefix: 'same' }));
    expect(error.message).toContain('More than 20');
    expect(error.details.candidates).toEqual(
      Array.from({ length: 20 }, (_, n) => `same-${String(n).padStart(2, '0')}`),
    );
  });

  it('takes every character as itself: case, % and _ too', async () => {
    expect(await resolve('Case')).toBe('Case-1');
    expect(await resolve('case')).toBe('case-2');
    expect(await resolve('under_')).toBe('under_core');
    expect(await resolve('a%c-')).toBe('a%c-1');
    for (const prefix of ['%%%%', '____', 'a%c%', '*bcd', 'abc?', "abc'", 'none']) {
      expect(await codeOf(client.sessions.resolve({ prefix }))).toBe('not_found');
    }
  });

  it('counts characters, not their parts, and compares as NFC', async () => {
    expect(await resolve('cafe\u0301')).toBe('café-1');
    expect(await resolve('😀😀😀😀')).toBe('😀😀😀😀-1');
    expect(await resolve('😀😀😀😁')).toBe('😀😀😀😁-2');
    expect(await resolve('last')).toBe('last\u{10ffff}\u{10ffff}');
    expect(await resolve('last\u{10ffff}')).toBe('last\u{10ffff}\u{10ffff}');
    expect(await resolve('e\u0301'.repeat(4))).toBe('éééé');
    // Alike in a looser form only.
    expect(await codeOf(client.sessions.resolve({ prefix: 'fine-1' }))).toBe('not_found');
    // Six code units and four combining marks, but too few characters.
    for (const prefix of ['😀😀😀', 'e\u0301'.repeat(3)]) {
      expect(await codeOf(client.sessions.resolve({ prefix }))).toBe('invalid_input');
    }
  });

  it.each([0, 1, 3, 201])('refuses %i characters, which is too little or too much', async (length) => {
    const prefix = 'x'.repeat(length);
    const path = `/v1/apps/resolve/sessions:resolve?prefix=${prefix}`;
    expect(wrongFields(await curl(home.paths.socket, 'GET', path))).toEqual(['prefix']);
    expect(await codeOf(client.sessions.resolve({ prefix }))).toBe('invalid_input');
  });

  it('refuses what no id can hold, rather than look for something else', async () => {
    const path = '/v1/apps/resolve/sessions:resolve';
    expect(wrongFields(await curl(home.paths.socket, 'GET', path))).toEqual(['prefix']);
    expect(refused(await curl(home.paths.socket, 'GET', `${path}?prefix=abcd%ED%A0%80`))).toMatch(/^400 /);
    expect(refused(await curl(home.paths.socket, 'GET', `${path}?prefix=abcd&prefix=abcx`))).toMatch(/^400 /);
    await client.sessions.create({ id: 'half\ufffd' });
    // The query of a URL would turn half a pair into U+FFFD, which is another id.
    expect(await codeOf(client.sessions.resolve({ prefix: 'half\ud800' }))).toBe('invalid_input');
  });

  it('knows no session that was deleted, nor one of another application', async () => {
    for (const id of ['gone-1', 'gone-2', 'gone-2-x']) await client.sessions.create({ id });
    await client.sessions.delete({ id: 'gone-1' });
    expect(await candidates('gone')).toEqual(['gone-2', 'gone-2-x']);
    await client.sessions.delete({ id: 'gone-2', erase: true });
    expect(await resolve('gone')).toBe('gone-2-x');
    await client.sessions.restore({ id: 'gone-1' });
    expect(await candidates('gone')).toEqual(['gone-1', 'gone-2-x']);
    expect(await codeOf(home.client({ app: 'empty' }).sessions.resolve({ prefix: 'abcd' }))).toBe('not_found');
  });
});
