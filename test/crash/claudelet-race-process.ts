import { connect } from '../../client/index.ts';
import type { Acknowledged } from '../helpers/verdict.ts';

// Many terminals in one process, each with a client of its own: they append their messages to one session at once,
// each message after the one before was acknowledged, and report what was. Arguments: the number of the first
// terminal, how many there are, and how many messages each has.

const [first = 0, terminals = 0, messages = 0] = process.argv.slice(2).map(Number);
const session = 'shared';
const report = (write: Acknowledged) => process.send?.(write);

async function terminal(writer: number): Promise<void> {
  await using client = connect({ app: 'test', client: `terminal-${writer}/1`, deadlineMs: 60_000 });
  for (let n = 1; n <= messages; n++) {
    const message = { role: 'user', content: `message ${n} of terminal ${writer}`, writer, n };
    await client.sessions.append({ id: session, messages: [message], usage: { inputTokens: 1 } });
    report({ session, writer, n });
  }
}

await Promise.all(Array.from({ length: terminals }, (_, index) => terminal(first + index)));
process.disconnect?.();
