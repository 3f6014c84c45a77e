import type { Client } from '../../client/index.ts';

// Config, queues, files, costs and budgets of a schema fixture, and reads of them whose answers no clock changes.

const change = (path: string, sequence: number) => ({ event: 'change' as const, path, sequence });

export async function plain(client: Client): Promise<void> {
  await client.config.put({ name: 'app', value: { theme: 'dark', plugins: { news: { enabled: true } } } });
  await client.config.set({ name: 'app', path: '/plugins/news/enabled', value: false });
  await client.config.put({ name: 'a list', value: [1, null, 'three'] });
  await client.config.put({ name: 'gone', value: 1 });
  await client.config.delete({ name: 'gone' });
  for (const priority of ['low', 'normal', 'urgent'] as const) {
    await client.queues.add({ queue: 'work', id: priority, priority, group: 'g', body: { text: `😀 ${priority}` } });
  }
  await client.queues.add({ queue: 'later', id: 'far', notBefore: '9000-01-01T00:00:00.000Z', body: {} });
  const { items } = await client.queues.claim({ queue: 'work' });
  await client.queues.ack({ queue: 'work', id: items[0]?.id ?? '', claim: items[0]?.claim ?? '' });
  await client.files.push({
    changes: [change('/a', 1), change('/b', 2), { event: 'unlink', path: '/a', sequence: 3 }],
  });
  const about = { provider: 'p', model: 'm', operation: 'chat', at: '2026-01-31T12:00:00.000Z' };
  for (const [n, costNanoUsd] of [null, 0, 1_500_000].entries()) {
    await client.costs.record({ usageId: `usage ${n}`, ...about, costNanoUsd, inputTokens: n, session: 'long' });
  }
  await client.budgets.put({ name: 'all', period: 'total', limitNanoUsd: 1_000_000 });
  await client.limits.put({ name: 'calls', capacity: 3, intervalMs: 1000 });
}

export const plainReads = [
  'config',
  ...['app', 'a%20list', 'gone'].flatMap((name) => [`config/${name}`, `config/${name}/versions`]),
  'config/app/versions/1',
  'config/app/diff?from=1',
  'queues/work/messages',
  'queues/later/messages',
  'files',
  'costs',
  'costs:summary?by=day&by=provider',
  'costs:summary?by=session',
  'budgets',
];
