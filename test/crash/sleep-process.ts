import { connect, HoldfastError } from '../../client/index.ts';

// An application that is suspended: it appends once, with a deadline of so many milliseconds, and reports what came of it.
// 'sent' says that its request has left.

const [, , writer = '0', deadlineMs = '1000'] = process.argv;
const client = connect({ app: 'test', autostart: false, deadlineMs: Number(deadlineMs) });
// From now on there is a connection, so that the next request leaves at once.
await client.system.health({}, { deadlineMs: 60_000 });
process.send?.('ready');
await new Promise((resolve) => process.once('message', resolve));
const appended = client.sessions.append({ id: 's', messages: [{ writer: Number(writer), n: 1 }] });
process.send?.('sent');
process.send?.(
  await appended.then(
    () => 'stored',
    (error: unknown) => (error instanceof HoldfastError ? error.code : String(error)),
  ),
);
client.close();
process.disconnect?.();
