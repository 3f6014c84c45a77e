import { connect } from '../../client/index.ts';

// Appends 100 messages to the session named by its argument, one call each, and reports the seqs that it was told.
const [, , id = ''] = process.argv;
await using client = connect({ app: 'processes', deadlineMs: 60_000 });
const seqs: (number | undefined)[] = [];
for (let n = 0; n < 100; n++) {
  const message = { role: 'user', pid: process.pid, n };
  const { messages } = await client.sessions.append({ id, messages: [message], usage: { inputTokens: 1 } });
  seqs.push(messages[0]?.seq);
}
process.send?.({ pid: process.pid, seqs }, () => process.disconnect?.());
