import { connect } from '../../client/index.ts';
import type { Acknowledged } from '../helpers/verdict.ts';

// One application of many: writes without a pause until it is told to stop, and reports each write when its call
// has returned, or the error that the application was given. Its argument is its number.

export type Report = Acknowledged | { error: string };

const writer = Number(process.argv[2]);
const client = connect({ app: 'load', client: `writer-${writer}/1` });
const report = (message: Report) => process.send?.(message);
const told = { stopping: false };
process.once('message', () => (told.stopping = true));

async function write(n: number): Promise<Acknowledged> {
  if (n % 4 === 0) {
    const feed = `feed-${writer}-${n}`;
    // A put that ran twice would find its own feed and be refused.
    await client.feeds.put({ name: feed, url: 'https://example.org/feed.xml', ifAbsent: true });
    return { feed };
  }
  const session = n % 2 === 0 ? `own-${writer}` : `shared-${writer % 4}`;
  // No id: a call that ran twice stores the message twice.
  await client.sessions.append({ id: session, messages: [{ role: 'user', content: 'x'.repeat(n % 2000), writer, n }] });
  return { session, writer, n };
}

try {
  for (let n = 1; !told.stopping; n++) report(await write(n));
} catch (error) {
  report({ error: `writer ${writer}: ${String(error)}` });
}
client.close();
process.disconnect?.();
