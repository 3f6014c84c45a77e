import { contract } from '../../shared/contract.ts';
import { HoldfastError, type Client } from '../../client/index.ts';
import { files, prepareQueues, queues } from './examples-queues.ts';

type Call = (client: Client) => Promise<unknown>;
type Examples = {
  readonly [Kind in keyof typeof contract]: { readonly [Verb in keyof (typeof contract)[Kind]]: Call };
};

const url = 'https://example.org/feed.xml';
const messages = [{ role: 'user', content: 'hello' }];

const usage = { provider: 'p', model: 'm', operation: 'o', costNanoUsd: null };
const login = { kind: 'oauth', refreshToken: 'example-refresh' } as const;

/** The lease of a refresh. */
async function granted(client: Client, profile: string): Promise<string> {
  const answer = await client.auth.refresh({ profile });
  if (answer.status !== 'granted') throw new Error(`${profile} needs no refresh`);
  return answer.lease;
}

/** Makes the records that the examples work on. */
export async function prepare(client: Client): Promise<void> {
  for (const name of ['kept', 'changed', 'removed', 'renamed']) await client.feeds.put({ name, url });
  await client.sessions.create({ id: 'kept' });
  await client.sessions.append({ id: 'kept', messages });
  await client.sessions.append({ id: 'kept', messages: [{ id: 'sent', role: 'user' }], delivery: 'pending' });
  for (const id of ['drafted', 'undrafted', 'leased', 'released', 'changed', 'removed', 'restored']) {
    await client.sessions.create({ id });
  }
  for (const id of ['kept', 'undrafted']) await client.drafts.put({ id, text: 'so' });
  await client.sessions.delete({ id: 'restored' });
  for (const profile of ['kept', 'removed', 'expired', 'committed', 'failed'])
    await client.auth.put({ profile, ...login });
  for (const apiKey of ['first-key', 'second-key'])
    await client.auth.put({ profile: 'versions', kind: 'api-key', apiKey });
  await client.pending.put({ state: 'kept', secret: 'verifier' });
  for (const name of ['kept', 'removed']) await client.config.put({ name, value: { a: 1 } });
  await client.costs.record({ usageId: 'kept', ...usage });
  await client.budgets.put({ name: 'removed', period: 'month', limitNanoUsd: 1 });
  await client.limits.put({ name: 'removed', capacity: 1, intervalMs: 1000 });
  await prepareQueues(client);
}

/**
 * One call of every operation that succeeds after `prepare`, in any order. An operation that is missing here does not
 * compile; `system.shutdown` belongs last.
 */
export const examples: Examples = {
  system: {
    health: (client) => client.system.health(),
    version: (client) => client.system.version(),
    metrics: (client) => client.system.metrics(),
    openapi: (client) => client.system.openapi(),
    shutdown: (client) => client.system.shutdown(),
  },
  changes: {
    stream: (client) => client.changes({ after: '0' }).next(),
  },
  feeds: {
    put: (client) => client.feeds.put({ name: 'new', url }),
    get: (client) => client.feeds.get({ name: 'kept' }),
    list: (client) => client.feeds.list(),
    patch: (client) => client.feeds.patch({ name: 'changed', patch: { category: 'c' } }),
    delete: (client) => client.feeds.delete({ name: 'removed' }),
    rename: (client) => client.feeds.rename({ name: 'renamed', to: 'moved' }),
    credentials: (client) => client.feeds.credentials({ name: 'kept' }),
  },
  auth: {
    put: (client) => client.auth.put({ profile: 'new', kind: 'oauth', accessToken: 'example-access' }),
    get: (client) => client.auth.get({ profile: 'kept' }),
    list: (client) => client.auth.list(),
    delete: (client) => client.auth.delete({ profile: 'removed' }),
    token: (client) => client.auth.token({ profile: 'versions' }),
    versions: (client) => client.auth.versions({ profile: 'versions' }),
    restore: (client) => client.auth.restore({ profile: 'versions', version: 1 }),
    refresh: (client) => client.auth.refresh({ profile: 'expired' }),
    commitRefresh: async (client) => {
      const lease = await granted(client, 'committed');
      return client.auth.commitRefresh({ profile: 'committed', lease, accessToken: 'example-new' });
    },
    failRefresh: async (client) => {
      const lease = await granted(client, 'failed');
      return client.auth.failRefresh({ profile: 'failed', lease, reason: 'no network' });
    },
  },
  costs: {
    record: (client) => client.costs.record({ usageId: 'new', ...usage }),
    list: (client) => client.costs.list(),
    summary: (client) => client.costs.summary({ by: ['day'] }),
    clear: (client) => client.costs.clear(),
  },
  budgets: {
    put: (client) => client.budgets.put({ name: 'new', period: 'day', limitNanoUsd: 1_000_000_000 }),
    list: (client) => client.budgets.list(),
    delete: (client) => client.budgets.delete({ name: 'removed' }),
  },
  limits: {
    put: (client) => client.limits.put({ name: 'new', capacity: 10, intervalMs: 60_000 }),
    list: (client) => client.limits.list(),
    delete: (client) => client.limits.delete({ name: 'removed' }),
    acquire: (client) => client.limits.acquire({ name: 'episodes' }),
  },
  pending: {
    put: (client) => client.pending.put({ state: 'new', secret: 'verifier' }),
    take: (client) => client.pending.take({ state: 'kept' }),
  },
  queues,
  files,
  keys: {
    status: (client) => client.keys.status(),
    init: (client) => client.keys.init().catch(expected('exists')),
    unlock: (client) => client.keys.unlock({ passphrase: 'none is needed' }).catch(expected('invalid_input')),
    backup: (client) => client.keys.backup(),
    restore: async (client) => client.keys.restore({ code: (await client.keys.backup()).code }),
    rotate: (client) => client.keys.rotate(),
  },
  batch: {
    run: (client) => client.batch.run({ calls: [{ op: 'feeds.put', app: 'test', input: { name: 'batched', url } }] }),
  },
  config: {
    put: (client) => client.config.put({ name: 'new', value: 1 }),
    get: (client) => client.config.get({ name: 'kept' }),
    list: (client) => client.config.list(),
    patch: (client) => client.config.patch({ name: 'patched', patch: { a: null } }),
    set: (client) => client.config.set({ name: 'set', path: '/plugins/news', value: true }),
    delete: (client) => client.config.delete({ name: 'removed' }),
    versions: (client) => client.config.versions({ name: 'kept' }),
    version: (client) => client.config.version({ name: 'kept', version: 1 }),
    diff: (client) => client.config.diff({ name: 'kept', from: 1 }),
    revert: (client) => client.config.revert({ name: 'kept', version: 1 }),
  },
  drafts: {
    put: (client) => client.drafts.put({ id: 'drafted', text: 'so far' }),
    get: (client) => client.drafts.get({ id: 'kept' }),
    delete: (client) => client.drafts.delete({ id: 'undrafted' }),
  },
  leases: {
    acquire: (client) => client.leases.acquire({ id: 'leased', owner: 'example' }),
    release: async (client) => {
      const { token } = await client.leases.acquire({ id: 'released', owner: 'example' });
      return client.leases.release({ id: 'released', token });
    },
  },
  search: {
    messages: (client) => client.search.messages({ q: 'hello' }),
    everywhere: (client) => client.search.everywhere({ q: 'hello' }),
  },
  sessions: {
    create: (client) => client.sessions.create({ id: 'new' }),
    get: (client) => client.sessions.get({ id: 'kept' }),
    list: (client) => client.sessions.list(),
    append: (client) => client.sessions.append({ id: 'kept', messages }),
    messages: (client) => client.sessions.messages({ id: 'kept' }),
    stream: (client) => Array.fromAsync(client.sessions.stream({ id: 'kept' })),
    export: (client) => Array.fromAsync(client.sessions.export({ id: 'kept' })),
    update: (client) => client.sessions.update({ id: 'changed', patch: { title: 'changed' } }),
    replace: (client) => client.sessions.replace({ id: 'replaced', messages: [] }),
    fork: (client) => client.sessions.fork({ id: 'kept' }),
    delete: (client) => client.sessions.delete({ id: 'removed' }),
    restore: (client) => client.sessions.restore({ id: 'restored' }),
    resolve: (client) => client.sessions.resolve({ prefix: 'kept' }),
    resumable: (client) => client.sessions.resumable(),
    abandon: (client) => client.sessions.abandon({ idleMs: 3_600_000 }),
    setDelivery: (client) => client.sessions.setDelivery({ id: 'kept', messageId: 'sent', delivery: 'sent' }),
  },
};

/** What there is only one of cannot be made again in any order: the refusal is the example. */
const expected = (code: string) => (error: unknown) => {
  if (!(error instanceof HoldfastError) || error.code !== code) throw error;
};

/** The operations of the contract that have no example; the compiler sees them, but tests run without it. */
export function withoutExample(): string[] {
  return Object.entries(contract).flatMap(([kind, operations]) => {
    const known = (examples as Record<string, object | undefined>)[kind] ?? {};
    return Object.keys(operations).flatMap((verb) => (verb in known ? [] : [`${kind}.${verb}`]));
  });
}
