import type { Call } from './openapi-calls.ts';

interface Claims {
  items: { claim: string; id?: string }[];
}

export async function askQueues(call: Call, queues: string): Promise<void> {
  const queue = `${queues}/q`;
  const claim = async () =>
    ((await call('queues.claim', `${queue}/claim`, { maxAttempts: 1, waitMs: 1000 })) as Claims).items[0];
  for (const id of ['a', 'b', 'c']) {
    await call('queues.add', `${queue}/messages`, { id, group: 'g', priority: 'low', body: { text: id } });
  }
  await call('queues.edit', `${queue}/messages/a`, { patch: { body: { more: [1] } } });
  await call('queues.reorder', `${queue}/reorder`, { ids: ['b', 'a'] });
  const first = await claim();
  await call('queues.nack', `${queue}/messages/b/nack`, { claim: first?.claim, reason: 'offline' });
  await call('queues.list', `${queue}/messages?state=dead`);
  await call('queues.requeue', `${queue}/messages/b/requeue`, {});
  await call('queues.get', `${queue}/messages/b`);
  const second = await claim();
  await call('queues.stats', queues);
  await call('queues.ack', `${queue}/messages/a/ack`, { claim: second?.claim });
  await call('queues.remove', `${queue}/messages/c`);
  await call('queues.clear', `${queue}/clear`, {});
}

export async function askFiles(call: Call, files: string): Promise<void> {
  const claim = async () => ((await call('files.claim', `${files}:claim`, {})) as Claims).items[0]?.claim;
  const changes = [
    { event: 'rename', path: '/b', from: '/a', sequence: 2, mtimeMs: 0.5, size: 1, hash: 'h' },
    { event: 'add', path: '/a', sequence: 1 },
  ];
  await call('files.push', files, { changes });
  await call('files.nack', `${files}:nack`, { path: '/a', claim: await claim(), reason: 'busy' });
  await call('files.list', files);
  const again = await claim();
  await call('files.stats', `${files}:stats`);
  await call('files.ack', `${files}:ack`, { path: '/a', claim: again, sequence: 2 });
}
