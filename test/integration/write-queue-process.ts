import { connect } from '../../client/index.ts';

// An application that does not close its client: it says what it did, and is to end by itself. Its arguments are the socket
// and what it does; `held` keeps a server, so that the test sees one that does not end.

const [socket = '', what = ''] = process.argv.slice(2);
const client = connect({ app: 'test', socket });
const url = 'https://example.org/feed.xml';
process.on('unhandledRejection', () => (process.exitCode = 7));

const writes = Array.from({ length: 20 }, (_, n) => client.feeds.put({ name: `${what} ${n}`, url }));
const reads = Array.from({ length: 40 }, () => client.feeds.list());
await Promise.all([...writes, ...reads]);
process.send?.('done');
process.disconnect?.();
if (what === 'held') setInterval(() => undefined, 1000);
