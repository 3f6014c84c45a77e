import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { refusal } from '../helpers/refusal.ts';
import { granted } from '../helpers/secrets.ts';

// What a refresh function brings exists nowhere else, and the old refresh token is used up: a mistake beside the tokens
// must not lose them. How a refresh ended is what the next one must know.

const past = '2020-01-01T00:00:00.000Z';
const future = '2030-01-01T00:00:00.000Z';
const tokens = { accessToken: 'access-new', refreshToken: 'refresh-new', expiresAt: future };

let home: TestHome;
let client: Client;
let profile = '';
beforeAll(async () => {
  home = new TestHome();
  await home.start();
  client = home.client();
});
beforeEach(async ({ task }) => {
  profile = task.id;
  await login('access-old');
});
afterAll(() => home[Symbol.asyncDispose]());

/** Stores the old refresh token, with this access token; after a failure, that also ends the pause. */
const login = (accessToken: string) =>
  client.auth.put({ profile, kind: 'oauth', accessToken, refreshToken: 'refresh-old', expiresAt: past });
const answering = (answer: object) => client.auth.withToken(profile, () => answer as never);
/** The refresh token that is kept, as the next refresh is given it. */
const keptToken = async () => {
  const { accessToken } = await client.auth.token({ profile });
  const answer = await client.auth.refresh({ profile, rejected: accessToken ?? '' });
  return answer.status === 'granted' ? answer.refreshToken : answer.status;
};

describe('the answer of a refresh function', () => {
  it.each<[string, object]>([
    ['a time that is a number', { ...tokens, expiresAt: Date.parse(future) }],
    ['a time that is none', { ...tokens, expiresAt: 'in an hour' }],
    ['scopes in one text', { ...tokens, scopes: 'a b' }],
  ])('with %s is refused, and its tokens are stored', async (_, answer) => {
    expect(await refusal(answering(answer))).toMatchObject({ code: 'invalid_input' });
    const told = { state: 'ok', expiresAt: null, refreshing: null, previousAttempt: null };
    expect(await client.auth.get({ profile })).toMatchObject(told);
    expect(await client.auth.token({ profile })).toMatchObject({ accessToken: 'access-new' });
    expect(await keptToken()).toBe('refresh-new');
  });

  it('with null for a refresh token keeps the old one', async () => {
    expect(await answering({ ...tokens, refreshToken: null })).toMatchObject({
      accessToken: 'access-new',
      expiresAt: future,
    });
    expect(await keptToken()).toBe('refresh-old');
  });

  it('with an access token that is none stores nothing', async () => {
    expect(await refusal(answering({ ...tokens, accessToken: 'a\n' }))).toMatchObject({ code: 'invalid_input' });
    expect(await client.auth.get({ profile })).toMatchObject({ state: 'refresh_failed', previousAttempt: 'unknown' });
  });
});

describe('an error of a refresh function', () => {
  it('that is no text gives the grant back all the same', async () => {
    const error: unknown = Object.create(null);
    const thrown: unknown = await client.auth
      .withToken(profile, () => {
        throw error;
      })
      .catch((one: unknown) => one);
    expect(thrown).toBe(error);
    expect(await client.auth.get({ profile })).toMatchObject({ state: 'refresh_failed', refreshing: null });
  });
});

/** Refreshes, fails, and logs in with the same refresh token; answers what the holder was told of attempts before. */
const fail = async (outcome: 'failed' | 'unknown') => {
  const { lease, previousAttempt } = await granted(client, profile);
  await client.auth.failRefresh({ profile, lease, reason: 'no answer', outcome });
  await login(`access after ${outcome}`);
  return previousAttempt;
};

describe('that a refresh token may be used up', () => {
  it('is told to each holder until tokens are stored, however later refreshes fail', async () => {
    expect([await fail('failed'), await fail('unknown'), await fail('failed')]).toEqual([
      undefined,
      'failed',
      'unknown',
    ]);
    expect((await client.auth.get({ profile })).previousAttempt).toBe('unknown');
    const { lease, previousAttempt } = await granted(client, profile);
    expect(previousAttempt).toBe('unknown');
    await client.auth.commitRefresh({ profile, lease, ...tokens });
    expect((await client.auth.get({ profile })).previousAttempt).toBe(null);
  });
});
