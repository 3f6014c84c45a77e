import type { Client } from '../../client/index.ts';
import type { JsonObject } from '../../shared/json.ts';
import { credentials, profiles } from './schema-credentials.ts';
import { plain, plainReads } from './schema-plain.ts';

/** Text that storage tends to spoil: each must come back code unit for code unit. */
export const hostileText = [
  'Füße, naïve, 日本語, العربية',
  '😀 👨‍👩‍👧‍👦 🇩🇪 e\u0301',
  'NUL \u0000, escape \u001b[31m, DEL \u007f, NEL \u0085',
  'lone \ud800 and \udfff surrogates',
  '\u202egnp.exe\u2066 \u200b\ufeff\u2028\u2029',
  '"quotes" \\backslashes\\ \'); DROP TABLE log;-- %s {{x}} ${y}',
  ' \r\n\t leading and trailing \r\n',
  '',
];

/** Objects with keys that JavaScript treats apart; from text, as they would arrive. */
const hostileObjects = [
  '{"__proto__":{"polluted":true},"constructor":1,"toString":null}',
  '{"":{"":[]},"a b":{"1":1,"0":2},"deep":[[[[[[{"x":[null,true,false]}]]]]]]}',
  '{"numbers":[0,-0,1e308,5e-324,0.1,9007199254740991,-9007199254740991,1.7976931348623157e308]}',
].map((text) => JSON.parse(text) as JsonObject);

/** Fills a store with some of every kind of record, in every state a record can be in. */
export async function fill(first: Client, second: Client): Promise<void> {
  await feeds(first);
  await feeds(second);
  await credentials(first);
  await sessions(first);
  await lives(first);
  await plain(first);
  await second.sessions.create({ id: 'shared-id', title: 'of the other application' });
  await second.sessions.append({ id: 'shared-id', messages: [{ role: 'user', content: 'not the same' }] });
}

async function feeds(client: Client): Promise<void> {
  const url = 'https://example.org/feed.xml';
  await client.feeds.put({ name: 'plain', url });
  await client.feeds.put({
    name: 'full 😀 e\u0301',
    url: `${url}?q=%20&p=ü`,
    category: 'Category',
    displayName: hostileText[0] ?? '',
    tags: ['a', 'b', 'ü'],
    metadata: { objects: hostileObjects, text: hostileText },
  });
  await client.feeds.put({ name: 'replaced', url, category: 'before' });
  await client.feeds.put({ name: 'replaced', url: 'http://example.org/', tags: ['after'] });
  await client.feeds.put({ name: 'patched', url, metadata: { a: 1, b: { c: 2, d: 3 } }, category: 'x' });
  await client.feeds.patch({ name: 'patched', patch: { category: null, metadata: { b: { c: null }, e: [] } } });
  await client.feeds.put({ name: 'renamed from', url });
  await client.feeds.rename({ name: 'renamed from', to: 'renamed to' });
  await client.feeds.put({ name: 'deleted', url });
  await client.feeds.delete({ name: 'deleted' });
  await client.feeds.put({ name: 'made again', url, category: 'first' });
  await client.feeds.delete({ name: 'made again' });
  await client.feeds.put({ name: 'made again', url, category: 'second' });
}

const said = (content: string) => ({ role: 'user', content });

/** What sessions can become after their creation. */
async function lives(client: Client): Promise<void> {
  const messages = ['one', 'two', 'three'].map((id) => ({ id, ...said(`message ${id}`) }));
  await client.sessions.replace({ id: 'rewritten', title: 'before', messages, usage: { inputTokens: 5 } });
  await client.sessions.fork({ id: 'rewritten', to: 'forked', upTo: 2 });
  await client.sessions.fork({ id: 'forked', to: 'forked again', title: 'of a fork' });
  await client.sessions.append({ id: 'forked', messages: [{ id: 'four', ...said('in the fork') }] });
  const changed = [
    { id: 'one', ...said('message one') },
    { id: 'two', ...said('changed') },
  ];
  await client.sessions.replace({ id: 'rewritten', title: 'after', messages: changed, allowShrink: true });
  await client.sessions.update({ id: 'rewritten', patch: { status: 'paused', metadata: { a: { b: hostileText } } } });
  for (const id of ['removed', 'removed and restored']) {
    await client.sessions.replace({ id, messages, createdAt: '2025-01-31T12:00:00.000Z' });
    await client.sessions.delete({ id });
  }
  await client.sessions.restore({ id: 'removed and restored' });
  await client.drafts.put({ id: 'forked', text: `half \ud83d`, metadata: { model: 'm' } });
  await client.sessions.append({ id: 'forked', messages: [{ id: 'sent', ...said('x') }], delivery: 'pending' });
  await client.sessions.append({ id: 'forked', messages: [{ id: 'lost', ...said('x') }], delivery: 'pending' });
  await client.sessions.setDelivery({ id: 'forked', messageId: 'sent', delivery: 'sent' });
  await client.sessions.setDelivery({ id: 'forked', messageId: 'lost', delivery: 'failed', reason: 'no network' });
  const { token } = await client.leases.acquire({ id: 'forked', owner: 'somebody' });
  await client.leases.release({ id: 'forked', token });
}

async function sessions(client: Client): Promise<void> {
  await client.sessions.create({ id: 'empty' });
  await client.sessions.create({
    id: 'shared-id',
    title: hostileText[1] ?? '',
    model: 'model-1',
    workingDirectory: '/home/someone/project',
    metadata: { objects: hostileObjects },
  });
  await client.sessions.append({
    id: 'shared-id',
    messages: hostileText.map((content, index) => ({ id: `hostile-${index}`, role: 'user', content })),
    usage: { inputTokens: 10, outputTokens: 20, costNanoUsd: 30 },
  });
  await client.sessions.append({
    id: 'shared-id',
    messages: hostileObjects.map((content, index) => ({ id: `object-${index}`, role: 'assistant', content })),
    usage: { inputTokens: Number.MAX_SAFE_INTEGER - 10, costNanoUsd: 1 },
    status: 'completed',
  });
  const message = JSON.parse('{"id":"proto","role":"user","__proto__":{"x":1},"constructor":null}') as JsonObject;
  await client.sessions.append({ id: 'shared-id', messages: [message] });
  await client.sessions.create({ id: 'long', status: 'paused' });
  for (let part = 0; part < 3; part++) {
    const messages = Array.from({ length: 40 }, (_, index) => ({
      id: `m-${part}-${index}`,
      role: index % 3 === 0 ? 'tool' : 'user',
      content: [{ type: 'text', text: `part ${part}, message ${index}` }],
    }));
    await client.sessions.append({ id: 'long', messages });
  }
}

const hostileAddress = encodeURIComponent('full 😀 \u00e9');

/** What is read of each application, as paths below `/v1/apps/{app}/`. */
export const reads = [
  'feeds?limit=1000',
  'feeds?limit=1000&sort=createdAt&order=desc',
  ...['plain', hostileAddress, 'replaced', 'patched', 'renamed%20from', 'renamed%20to', 'deleted', 'made%20again'].map(
    (name) => `feeds/${name}`,
  ),
  'sessions?limit=1000&sort=id',
  'sessions?limit=1000&status=completed',
  ...['empty', 'shared-id', 'long', 'none'].flatMap((id) => [`sessions/${id}`, `sessions/${id}/messages?limit=1000`]),
  ...['rewritten', 'forked', 'forked%20again', 'removed', 'removed%20and%20restored'].flatMap((id) => [
    `sessions/${id}`,
    `sessions/${id}/messages`,
  ]),
  'sessions?deleted=true',
  'auth?limit=1000',
  ...profiles.flatMap((profile) => [`auth/${profile}`, `auth/${profile}/versions`]),
  ...plainReads,
  'sessions/forked/draft',
  'sessions/long/messages?last=5',
  'sessions/long/messages?role=tool&order=desc&limit=1000',
];

/** Writes whose keys are recorded: sent again, each answers what it answered then. */
export const replays = [
  { method: 'PUT', path: 'feeds/keyed', body: { url: 'https://example.org/keyed', metadata: { x: [1, { y: null }] } } },
  { method: 'POST', path: 'sessions', body: { id: 'keyed', title: 'Keyed 😀' } },
  {
    method: 'POST',
    path: 'sessions/keyed/messages',
    body: { messages: [{ role: 'user', content: hostileText[3] }], usage: { inputTokens: 1 } },
  },
  { method: 'PATCH', path: 'sessions/keyed', body: { patch: { metadata: { x: 1 } } } },
  { method: 'POST', path: 'sessions/keyed/fork', body: { to: 'keyed fork' } },
  { method: 'PUT', path: 'sessions/keyed', body: { title: 'Kept', messages: [], allowShrink: true } },
  { method: 'PUT', path: 'sessions/keyed/draft', body: { text: 'x' } },
  { method: 'DELETE', path: 'sessions/keyed', body: undefined },
  { method: 'PATCH', path: 'feeds/keyed', body: { patch: { category: 'later' } } },
  { method: 'POST', path: 'feeds/keyed/rename', body: { to: 'keyed, renamed' } },
  { method: 'DELETE', path: 'feeds/keyed%2C%20renamed', body: undefined },
  { method: 'PUT', path: 'auth/keyed', body: { kind: 'oauth', refreshToken: 'fixture-keyed' } },
  { method: 'PUT', path: 'auth/pending/keyed', body: { secret: 'fixture-verifier' } },
  { method: 'POST', path: 'auth/pending/keyed/take', body: {} },
];
