import { connect, HoldfastError } from '../../client/index.ts';

// An application: waits for word, appends so many messages to the session 's', one after the other, and reports after each
// which version serves, or why not. With `exit` it ends at once after its first call, as a command does.
export type Report = { n: number; version: string } | { n: number; refused: string; message: string };

const [, , writer = '0', count = '1', exit] = process.argv;
const client = connect({ app: 'test', client: `writer/${writer}`, deadlineMs: 60_000 });
process.send?.('ready');
await new Promise((resolve) => process.once('message', resolve));
for (let n = 1; n <= Number(count); n++) {
  const message = { writer: Number(writer), n };
  const report = await client.sessions
    .append({ id: 's', messages: [message] })
    .then(() => client.system.version())
    .then(
      ({ version }): Report => ({ n, version }),
      (error: unknown): Report => {
        if (!(error instanceof HoldfastError)) throw error;
        return { n, refused: error.code, message: error.message };
      },
    );
  await new Promise((resolve) => process.send?.(report, resolve));
  if (exit) process.exit();
}
client.close();
process.disconnect?.();
