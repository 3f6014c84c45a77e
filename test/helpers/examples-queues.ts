import type { Client } from '../../client/index.ts';

const body = { text: 'hello' };

/** Makes the records that these examples work on. */
export async function prepareQueues(client: Client): Promise<void> {
  for (const id of ['kept', 'edited', 'removed', 'moved']) await client.queues.add({ queue: 'kept', id, body });
  for (const queue of ['claimed', 'acked', 'nacked']) await client.queues.add({ queue, id: 'one', body });
  for (const path of ['/a', '/b', '/c']) {
    await client.files.push({ changes: [{ event: 'add', path, sequence: 1 }] });
  }
}

/** Claims the message of a queue. */
async function claimed(client: Client, queue: string): Promise<{ queue: string; id: string; claim: string }> {
  const { items } = await client.queues.claim({ queue });
  return { queue, id: 'one', claim: items[0]?.claim ?? '' };
}

/** Claims a path. */
async function changed(client: Client): Promise<{ path: string; sequence: number; claim: string }> {
  const { items } = await client.files.claim();
  return { path: items[0]?.path ?? '', sequence: items[0]?.sequence ?? 0, claim: items[0]?.claim ?? '' };
}

/** See examples.ts. */
export const queues = {
  add: (client: Client) => client.queues.add({ queue: 'new', body }),
  get: (client: Client) => client.queues.get({ queue: 'kept', id: 'kept' }),
  list: (client: Client) => client.queues.list({ queue: 'kept' }),
  edit: (client: Client) => client.queues.edit({ queue: 'kept', id: 'edited', patch: { priority: 'urgent' } }),
  remove: (client: Client) => client.queues.remove({ queue: 'kept', id: 'removed' }),
  reorder: (client: Client) => client.queues.reorder({ queue: 'kept', ids: ['moved', 'kept'] }),
  claim: (client: Client) => client.queues.claim({ queue: 'claimed' }),
  ack: async (client: Client) => client.queues.ack(await claimed(client, 'acked')),
  nack: async (client: Client) => client.queues.nack(await claimed(client, 'nacked')),
  requeue: (client: Client) => client.queues.requeue({ queue: 'kept', id: 'kept' }),
  clear: (client: Client) => client.queues.clear({ queue: 'kept', dead: true }),
  stats: (client: Client) => client.queues.stats(),
};

export const files = {
  push: (client: Client) => client.files.push({ changes: [{ event: 'unlink', path: '/d', sequence: 1 }] }),
  claim: (client: Client) => client.files.claim(),
  ack: async (client: Client) => client.files.ack(await changed(client)),
  nack: async (client: Client) => {
    const { path, claim } = await changed(client);
    return client.files.nack({ path, claim });
  },
  list: (client: Client) => client.files.list(),
  stats: (client: Client) => client.files.stats(),
};
