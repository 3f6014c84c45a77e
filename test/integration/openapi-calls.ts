import { askFiles, askQueues } from './openapi-queues.ts';

/** Makes a call of an operation, and looks at what it answers. */
export type Call = (name: string, url: string, body?: unknown, headers?: Record<string, string>) => Promise<unknown>;

/** One call of every operation, with as much in its answer as there can be. */
export async function askEverything(call: Call): Promise<void> {
  const of = '/v1/apps/test';
  const session = `${of}/sessions/long-id`;
  const messages = [{ role: 'user', content: 'hello', id: 'm' }];
  // Ends with the daemon.
  const changes = call('changes.stream', '/v1/changes?after=0');
  await call('system.health', '/v1/health');
  await call('system.version', '/v1/version');
  await call('system.metrics', '/v1/metrics');
  await call('system.openapi', '/v1/openapi.json');
  await call('feeds.put', `${of}/feeds/a`, { url: 'https://example.org/', tags: ['t'], metadata: { a: [1] } });
  await call('feeds.get', `${of}/feeds/a`);
  await call('feeds.list', `${of}/feeds`);
  const put = { op: 'feeds.put', app: 'test', input: { name: 'z', url: 'https://example.org/' } };
  await call('batch.run', '/v1/batch', {
    atomic: true,
    calls: [put, { ...put, op: 'feeds.get', input: { name: 'z' } }],
  });
  await call('batch.run', '/v1/batch', { calls: [put, { op: 'none', input: {} }] });
  await askQueues(call, `${of}/queues`);
  await askFiles(call, `${of}/files`);
  await askKeys(call, `${of}/auth`);
  const auth = { kind: 'basic', username: 'u', password: 'p' };
  await call('feeds.put', `${of}/feeds/b`, { url: 'https://example.org/', auth });
  await call('feeds.credentials', `${of}/feeds/b/credentials`, {});
  await call('feeds.delete', `${of}/feeds/b`);
  await call('feeds.patch', `${of}/feeds/a`, { patch: { category: 'c' } });
  await call('feeds.rename', `${of}/feeds/a/rename`, { to: 'c' });
  await askConfig(call, `${of}/config`);
  await call('sessions.create', `${of}/sessions`, { id: 'long-id', metadata: { a: 1 } });
  await call('sessions.append', `${session}/messages`, { messages, delivery: 'pending' });
  await call('sessions.setDelivery', `${session}/messages/m/delivery`, { delivery: 'failed', reason: 'offline' });
  await call('drafts.put', `${session}/draft`, { text: 'so far', metadata: { a: 1 } });
  await call('drafts.get', `${session}/draft`);
  await call('sessions.messages', `${session}/messages`);
  await call('sessions.stream', `${session}/messages`, undefined, { accept: 'application/x-ndjson' });
  await call('sessions.export', `${session}/export`);
  await call('drafts.delete', `${session}/draft`);
  await call('search.messages', `${of}/search?q=hello&fresh=true`);
  await call('search.everywhere', '/v1/search?q=hello&fresh=true');
  await call('sessions.resumable', `${of}/sessions:resumable`);
  await call('sessions.resolve', `${of}/sessions:resolve?prefix=long`);
  const { token } = (await call('leases.acquire', `${session}/lease`, { owner: 'me' })) as { token: string };
  await call('sessions.get', session);
  await call('sessions.list', `${of}/sessions`);
  await call('leases.release', `${session}/lease?token=${encodeURIComponent(token)}`);
  await call('sessions.fork', `${session}/fork`, { to: 'fork', upTo: 1 });
  await call('sessions.update', session, { patch: { title: 'changed' } });
  await call('sessions.replace', session, { messages: [], allowShrink: true });
  await call('sessions.delete', session);
  await call('sessions.restore', `${session}/restore`, {});
  await call('sessions.abandon', `${of}/sessions:abandon`, { idleMs: 0 });
  await askCosts(call, of);
  await call('system.shutdown', '/v1/shutdown', {});
  await changes;
}

/** Credentials and the key that seals them. */
async function askKeys(call: Call, auth: string): Promise<void> {
  const profile = `${auth}/work`;
  const passphrase = 'a long passphrase';
  await call('keys.init', '/v1/keys/init', { passphrase });
  await call('keys.unlock', '/v1/keys/unlock', { passphrase });
  await call('keys.status', '/v1/keys');
  const { code } = (await call('keys.backup', '/v1/keys/backup', {})) as { code: string };
  await call('keys.restore', '/v1/keys/restore', { code });
  await call('keys.rotate', '/v1/keys/rotate', {});
  await call('auth.put', profile, { kind: 'api-key', apiKey: 'k', account: 'me' });
  await call('auth.token', `${profile}/token`, {});
  await call('auth.put', profile, { kind: 'oauth', refreshToken: 'r', clientId: 'c', scopes: ['s'] });
  const refresh = async () => ((await call('auth.refresh', `${profile}/refresh`, {})) as { lease: string }).lease;
  const tokens = { accessToken: 'a', refreshToken: 's', expiresAt: '2100-01-01T00:00:00.000Z' };
  await call('auth.commitRefresh', `${profile}/refresh/commit`, { lease: await refresh(), ...tokens });
  await refresh();
  await call('auth.token', `${profile}/token`, {});
  await call('auth.put', `${auth}/other`, { kind: 'oauth', refreshToken: 'o' });
  const { lease } = (await call('auth.refresh', `${auth}/other/refresh`, {})) as { lease: string };
  await call('auth.failRefresh', `${auth}/other/refresh/fail`, { lease, reason: 'x', fatal: true });
  await call('auth.get', `${auth}/other`);
  await call('auth.list', auth);
  await call('auth.versions', `${profile}/versions`);
  await call('auth.restore', `${profile}/versions/1/restore`, {});
  await call('auth.delete', profile);
  await call('pending.put', `${auth}/pending/state`, { secret: 'v', metadata: { a: 1 } });
  await call('pending.take', `${auth}/pending/state/take`, {});
}

/** What was spent, and what may be. */
async function askCosts(call: Call, of: string): Promise<void> {
  await call('budgets.put', `${of}/budgets/b`, { provider: 'p', period: 'month', limitNanoUsd: 1 });
  const usage = { usageId: 'u', provider: 'p', model: 'm', operation: 'o', session: 's', feed: 'f', costNanoUsd: 2 };
  await call('costs.record', `${of}/costs`, { ...usage, metadata: { a: 1 }, inputTokens: 1 });
  await call('costs.list', `${of}/costs`);
  await call('costs.clear', `${of}/costs:clear`, {});
  await call('costs.summary', `${of}/costs:summary?by=day&by=session&by=feed&by=model`);
  await call('budgets.list', `${of}/budgets`);
  await call('budgets.delete', `${of}/budgets/b`);
  await call('limits.acquire', `${of}/limits/episodes/acquire`, { n: 10 });
  await call('limits.acquire', `${of}/limits/episodes/acquire`, {});
  await call('limits.put', `${of}/limits/l`, { capacity: 1, intervalMs: 1 });
  await call('limits.list', `${of}/limits`);
  await call('limits.delete', `${of}/limits/l`);
}

/** Documents of settings and their versions. */
async function askConfig(call: Call, config: string): Promise<void> {
  const a = `${config}/a`;
  await call('config.put', a, { value: { a: [1, null], 'b/c': 'd' } });
  await call('config.set', `${a}/set`, { path: '/plugins/news', value: { enabled: true } });
  await call('config.patch', a, { patch: { a: null, e: 1 } });
  await call('config.get', a);
  await call('config.get', `${a}?path=%2Fb~1c`);
  await call('config.list', config);
  await call('config.diff', `${a}/diff?from=1`);
  await call('config.revert', `${a}/versions/1/revert`, {});
  await call('config.version', `${a}/versions/2`);
  await call('config.delete', a);
  await call('config.versions', `${a}/versions`);
}
