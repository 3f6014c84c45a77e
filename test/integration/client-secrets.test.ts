import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect, type Client } from '../../client/index.ts';
import { FakeDaemon, good, refuse, type Answer } from '../helpers/fake-daemon.ts';
import { refusal } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

// From the other side of the socket, with answers that a real daemon gives only by chance.

const secret = 'a-secret-of-some-length-0123456789';
let folder: string;
let client: Client;
const open: AsyncDisposable[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-test-'));
  client = connect({ app: 'test', socket: join(folder, 'x.sock') });
  open.push(client);
});
afterEach(async () => {
  for (const each of open.splice(0).toReversed()) await each[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});
const serve = async (answer: Answer) => {
  const fake = await FakeDaemon.listen(join(folder, 'x.sock'), answer);
  open.push(fake);
  return fake;
};
const pathOf = (url: string) => url.replace('/v1/apps/test/auth/p', '');
const commits = ({ requests }: FakeDaemon) => requests.filter(({ url }) => pathOf(url) === '/refresh/commit');

describe('a secret', () => {
  it('is in the answer, and not in its debug output', async () => {
    await serve((response) => good(response, { accessToken: secret, secret, code: secret }));
    for (const [field, call] of [
      ['accessToken', () => client.auth.token({ profile: 'p' })],
      ['accessToken', () => client.auth.refresh({ profile: 'p' })],
      ['secret', () => client.pending.take({ state: 's' })],
      ['code', () => client.keys.backup()],
    ] as const) {
      const answer = (await call()) as Record<string, unknown>;
      expect(answer[field]).toBe(secret);
      expect(inspect(answer)).toContain(`${field}: '[secret]'`);
    }
    // The same answer to an operation that is not marked is shown, so there is something to hide.
    expect(inspect(await client.auth.get({ profile: 'p' }))).toContain(secret);
  });

  it.each<[string, Answer]>([
    ['refused', (response) => refuse(response, 'invalid_input')],
    ['refused for a reason that passes', (response) => refuse(response, 'busy')],
    ['answered what is no HTTP', (response) => response.socket?.end(`{"accessToken":"${secret}"}`)],
    [
      'cut',
      (response) => response.socket?.end(`HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"accessToken":"${secret}`),
    ],
    ['cut before the answer', (response) => response.destroy()],
  ])('is not in the error of a call that was %s', async (_, answer) => {
    const fake = await serve(answer);
    const put = () =>
      client.auth.put({ profile: 'p', kind: 'oauth', accessToken: secret, refreshToken: secret }, { deadlineMs: 200 });
    // It was sent, and may have come back.
    const error = await until('it is sent', async () => {
      const told = await refusal(put());
      return fake.requests.length > 0 && told;
    });
    expect(fake.requests[0]?.body).toContain(secret);
    const bytes = { showHidden: true, depth: 9, maxArrayLength: null, maxStringLength: null } as const;
    expect(inspect(error, bytes)).not.toContain(secret);
    expect(JSON.stringify([error, error.cause])).not.toContain(secret);
    expect(JSON.stringify(error.cause ?? {})).not.toContain('rawPacket');
  });
});

describe('the call that waits for another process', () => {
  it('is not made again when the daemon has waited as long as it was asked to', async () => {
    const fake = await serve((response) => refuse(response, 'refreshing', { 'retry-after': '1' }));
    expect(await refusal(client.auth.refresh({ profile: 'p', waitMs: 0 }))).toMatchObject({ code: 'refreshing' });
    expect(fake.requests).toHaveLength(1);
  });

  it('says that nobody answered when nobody did', async () => {
    await serve(() => undefined);
    const call = client.auth.refresh({ profile: 'p' }, { deadlineMs: 100 });
    expect(await refusal(call)).toMatchObject({ code: 'unavailable' });
  });
});

describe('withToken', () => {
  it('stores new tokens over a daemon that is killed and comes back, with the same key and body', async () => {
    const leaseExpiresAt = new Date(Date.now() + 120_000).toISOString();
    const answers: Record<string, Answer> = {
      '/token': (response) => refuse(response, 'expired'),
      '/refresh': (response) => good(response, { status: 'granted', lease: 'l', refreshToken: secret, leaseExpiresAt }),
      '/refresh/commit': (response) => response.destroy(),
    };
    const answer: Answer = (response, request, number) => answers[pathOf(request.url)]?.(response, request, number);
    const first = await serve(answer);
    const token = client.auth.withToken('p', async () => ({ accessToken: 'new' }));
    await until('a commit is lost', () => commits(first).length > 0);
    open.splice(open.indexOf(first), 1);
    await first[Symbol.asyncDispose]();
    answers['/refresh/commit'] = (response) => good(response, { current: true, expiresAt: null });
    const second = await serve(answer);
    expect(await token).toMatchObject({ accessToken: 'new', expiresAt: null });
    expect(second.requests.map(({ url }) => pathOf(url))).toEqual(['/refresh/commit']);
    const sent = [...commits(first), ...commits(second)];
    expect(new Set(sent.map(({ headers, body }) => `${String(headers['idempotency-key'])} ${body}`)).size).toBe(1);
    expect(JSON.parse(sent[0]?.body ?? '')).toEqual({ lease: 'l', accessToken: 'new' });
  });
});
