import { connect, HoldfastError } from '../../client/index.ts';
import { held } from '../helpers/queues.ts';
import { Random } from '../helpers/model-random.ts';

// Workers that drain a queue, some in one process. Each appends what it did to its session in the same atomic batch as the
// ack, and now and then forgets what it has claimed, as if it had died.

export type Drained = { acked: string } | { late: string } | { error: string };

const [, , number = '', count = '', visibility = ''] = process.argv;
const visibilityMs = Number(visibility);
const queue = 'drain';
const report = (message: Drained) => process.send?.(message);
const stop = new AbortController();
process.on('message', () => stop.abort());

async function work(name: string, random: Random): Promise<void> {
  await using client = connect({ app: 'drain', deadlineMs: 60_000 });
  await client.sessions.create({ id: name });
  while (!stop.signal.aborted) {
    const { items } = await client.queues.claim({ queue, max: 1 + random.upTo(4), visibilityMs, waitMs: 200 });
    for (const item of items) {
      if (random.chance(0.02)) continue;
      const messages = [{ id: item.id, attempt: item.attempts }];
      const calls = [
        { op: 'queues.ack', input: held(item) },
        { op: 'sessions.append', input: { id: name, messages } },
      ] as const;
      try {
        await client.batch.run({ atomic: true, calls });
        report({ acked: item.id });
      } catch (error) {
        // Too late: the daemon was away for longer than the claim lasts.
        if (!(error instanceof HoldfastError) || !['fenced', 'not_found'].includes(error.code)) throw error;
        report({ late: item.id });
      }
    }
  }
}

const workers = Array.from({ length: Number(count) }, (_, index) => {
  const id = Number(number) * 100 + index;
  return work(`worker-${id}`, new Random(id));
});
await Promise.all(workers).catch((error: unknown) => report({ error: String(error) }));
process.disconnect?.();
