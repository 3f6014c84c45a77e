import { curl, send } from './curl.ts';
import { exchange } from './raw.ts';

interface Reply {
  status: number;
  text: string;
  headers: unknown;
}
export type Refused = (secret: string, socket: string) => Promise<Reply>;
export const at = '/v1/apps/test';
export const url = 'https://example.org/feed.xml';
const put =
  (path: string, bodyOf: (secret: string) => unknown, method = 'PUT'): Refused =>
  (secret, socket) =>
    send(socket, method, `${at}${path}`, bodyOf(secret));
const post = (path: string, bodyOf: (secret: string) => unknown) => put(path, bodyOf, 'POST');
const get =
  (
    pathOf: (secret: string) => string,
    method = 'GET',
    headersOf: (secret: string) => Record<string, string> = () => ({}),
  ): Refused =>
  (secret, socket) =>
    curl(socket, method, pathOf(secret), { headers: headersOf(secret) });
const withHeader = (name: string, valueOf = (secret: string) => secret): Refused =>
  get(
    () => `${at}/auth/none`,
    'DELETE',
    (secret) => ({ [name]: valueOf(secret) }),
  );
const oauth = { kind: 'oauth' };
const long = (secret: string) => secret.repeat(500);

/** Requests that hold a secret and are refused, by what is wrong with them. */
export const refusals: Record<string, Refused> = {
  'an unknown field': put('/auth/p', (secret) => ({ ...oauth, acessToken: secret })),
  'an unknown field beside a good one': put('/auth/p', (secret) => ({
    ...oauth,
    accessToken: 'a',
    x: { y: [secret] },
  })),
  'a list for a text': put('/auth/p', (secret) => ({ ...oauth, accessToken: [secret] })),
  'an object for a text': put('/auth/p', (secret) => ({ ...oauth, accessToken: { value: secret } })),
  'a text for an object': put('/feeds/f', (secret) => ({ url, auth: secret })),
  'a list for an object': put('/feeds/f', (secret) => ({ url, auth: [secret] })),
  'too long': put('/auth/p', (secret) => ({ ...oauth, accessToken: long(secret) })),
  'a password too long': put('/feeds/f', (secret) => ({
    url,
    auth: { kind: 'basic', username: 'u', password: long(secret) },
  })),
  'white space around': put('/auth/p', (secret) => ({ ...oauth, accessToken: ` ${secret} ` })),
  'a control character': put('/auth/p', (secret) => ({ ...oauth, accessToken: `${secret}\n` })),
  'a lone surrogate': put('/auth/p', (secret) => `{"kind":"oauth","accessToken":"\\ud800${secret}"}`),
  'a colon in a user name': put('/feeds/f', (secret) => ({
    url,
    auth: { kind: 'basic', username: `${secret}:x`, password: 'p' },
  })),
  'a field of another kind': put('/auth/p', (secret) => ({ ...oauth, accessToken: 'a', apiKey: secret })),
  'the other kind': put('/auth/p', (secret) => ({ kind: 'api-key', refreshToken: secret })),
  'a secret as the kind': put('/auth/p', (secret) => ({ kind: secret })),
  'a secret as the kind of a feed': put('/feeds/f', (secret) => ({ url, auth: { kind: secret } })),
  'a secret as a time': put('/auth/p', (secret) => ({ ...oauth, accessToken: 'a', expiresAt: secret })),
  'a secret as a number': post('/auth/kept/refresh', (secret) => ({ minValidMs: secret })),
  'a secret as the scopes': put('/auth/p', (secret) => ({ ...oauth, accessToken: 'a', scopes: secret })),
  'a secret as a lease': post('/auth/kept/refresh/commit', (secret) => ({ lease: secret, accessToken: 'a' })),
  'a secret after the dot of a lease': post('/auth/kept/refresh/fail', (secret) => ({
    lease: `a.${secret}`,
    reason: secret,
  })),
  'a secret as a lease, too long': post('/auth/kept/refresh/fail', (secret) => ({ lease: long(secret), reason: 'r' })),
  'a secret as a cursor': get((secret) => `${at}/auth?cursor=${secret}`),
  'a secret as a version': post('/auth/kept/versions/x/restore', (secret) => ({ version: secret })),
  'a secret as the pending record': put('/auth/pending/s', (secret) => ({ secret: { secret } })),
  'a passphrase too short, a secret elsewhere': (secret, socket) =>
    send(socket, 'POST', '/v1/keys/init', { passphrase: 'short', code: secret }),
  'a passphrase that is none': (secret, socket) => send(socket, 'POST', '/v1/keys/unlock', { passphrase: secret }),
  'a recovery code that is none': (secret, socket) => send(socket, 'POST', '/v1/keys/restore', { code: secret }),
  'malformed JSON, the secret unquoted': put('/auth/p', (secret) => `{"accessToken":${secret}}`),
  'malformed JSON, nothing else': put('/auth/p', (secret) => secret),
  'malformed JSON, cut off': put('/auth/p', (secret) => `{"kind":"oauth","accessToken":"${secret}`),
  'malformed JSON, in single quotes': put('/auth/p', (secret) => `{'accessToken':'${secret}'}`),
  'malformed JSON, with more behind': put('/auth/p', (secret) => `{"accessToken":"${secret}"} "${secret}"`),
  'a bad escape': put('/auth/p', (secret) => `{"accessToken":"${secret}\\x"}`),
  'JSON that is a text': put('/auth/p', (secret) => JSON.stringify(secret)),
  'JSON that is a list': put('/auth/p', (secret) => [secret]),
  'no UTF-8': put('/auth/p', (secret) =>
    Buffer.concat([Buffer.from(`{"accessToken":"${secret}`), Buffer.from([0xff, 0x22, 0x7d])]),
  ),
  'a form': (secret, socket) =>
    curl(socket, 'PUT', `${at}/auth/p`, {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: `kind=oauth&accessToken=${secret}`,
    }),
  'a body too large': async (secret, socket) =>
    exchange(
      socket,
      `PUT ${at}/auth/p HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 99000000\r\n\r\n{"kind":"oauth","accessToken":"${secret}"`,
    ),
  'a body where none belongs': put('/auth/kept', (secret) => ({ accessToken: secret }), 'DELETE'),
  'a user name in the URL of a feed': put('/feeds/f', (secret) => ({ url: `https://${secret}@example.org/` })),
  'a password in the URL of a feed': put('/feeds/f', (secret) => ({ url: `https://u:${secret}@example.org/` })),
  'a password in a URL that is none': put('/feeds/f', (secret) => ({ url: `https://u:${secret}@exa mple.org/` })),
  'a password in a URL of another scheme': put('/feeds/f', (secret) => ({ url: `ftp://u:${secret}@example.org/` })),
  'a password in the URL of a patch': put(
    '/feeds/kept',
    (secret) => ({ patch: { url: `https://u:${secret}@example.org/` } }),
    'PATCH',
  ),
  'a wrong field in the patch of a feed': put(
    '/feeds/kept',
    (secret) => ({ patch: { auth: { kind: 'basic', password: secret, user: secret } } }),
    'PATCH',
  ),
  'the query of a post': (secret, socket) => send(socket, 'POST', `${at}/auth/kept/token?accessToken=${secret}`, {}),
  'the query of a get': get((secret) => `${at}/auth/kept?access_token=${secret}`),
  'a query that is no UTF-8': get((secret) => `${at}/auth/kept?x=${secret}%ff`),
  'the query of an unknown route': get((secret) => `/callback?code=${secret}&state=s`),
  'a path that is no UTF-8': get((secret) => `${at}/auth/${secret}%ff`),
  'a name that is too long': get((secret) => `${at}/auth/${secret.repeat(4)}`),
  'a part of the path that is too long': get((secret) => `${at}/auth/${secret.repeat(90)}`),
  'the name of the application': get((secret) => `/v1/apps/${secret}/auth/p`),
  'a header of ours that is too long': withHeader('idempotency-key', (secret) => secret.repeat(5)),
  'an authorization': withHeader('authorization', (secret) => `Bearer ${secret}`),
  'a cookie': withHeader('cookie', (secret) => `session=${secret}`),
  'an origin': withHeader('origin', (secret) => `https://${secret}`),
  'a referer': withHeader('referer', (secret) => `https://u:${secret}@example.org/`),
  'a host': withHeader('host', (secret) => `${secret}:x`),
  'an encoding': withHeader('content-encoding'),
  'a client': withHeader('holdfast-client', (secret) => `${secret} ${secret}`),
  'a last event': withHeader('last-event-id'),
  'no HTTP at all': async (secret, socket) => exchange(socket, `${secret}\r\n\r\n`),
  'a broken header': async (secret, socket) =>
    exchange(socket, `GET / HTTP/1.1\r\nhost: localhost\r\n${secret}\r\n\r\n`),
  'headers too large': async (secret, socket) =>
    exchange(socket, `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${secret.repeat(1000)}\r\n\r\n`),
};

/** What a name is taken for: whoever mixes the arguments up names a record by a secret. */
export const inPlaceOfNames: Record<string, Refused> = {
  'a route that is unknown': get((secret) => `${at}/auth/kept/${secret}/x`),
  'a profile that is asked for': (secret, socket) => send(socket, 'POST', `${at}/auth/${secret}/token`, {}),
  'the name of a field': put('/auth/p', (secret) => ({ ...oauth, [secret]: 'a' })),
  'the name of a query': get((secret) => `${at}/auth/kept?${secret}`),
  'a revision': put('/auth/kept', (secret) => ({ ...oauth, accessToken: 'a', expectedRevision: secret })),
  'an entity tag': (secret, socket) =>
    send(socket, 'PUT', `${at}/auth/kept`, { ...oauth, accessToken: 'a' }, { 'if-match': `"${secret}"` }),
};
