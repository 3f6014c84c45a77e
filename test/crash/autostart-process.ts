import { connect } from '../../client/index.ts';

// A client that stores a feed named by its argument, and prints which daemon answered. With `stay` it goes on until it is killed.

const [, , name = '', stay] = process.argv;
const client = connect({ app: 'test', deadlineMs: 60_000 });
await client.feeds.put({ name, url: 'https://example.org/' });
const { pid } = await client.system.health();
process.stdout.write(`${JSON.stringify({ pid, client: process.pid })}\n`);
if (stay === 'stay') setInterval(() => undefined, 1_000);
else client.close();
