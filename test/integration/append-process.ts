import { connect } from '../../client/index.ts';

// Appends 100 messages to the session named by its argument, one by one and then five by five, and reports the seqs
// that it was told.
const [, , id = ''] = process.argv;
await using client = connect({ app: 'processes', deadlineMs: 60_000 });
const seqs: number[] = [];
for (let size = 1; seqs.length < 100; size = seqs.length < 40 ? 1 : 5) {
  const messages = Array.from({ length: size }, (_, index) => ({ pid: process.pid, n: seqs.length + index }));
  const answer = await client.sessions.append({ id, messages, usage: { inputTokens: size } });
  seqs.push(...answer.messages.map(({ seq }) => seq));
}
process.send?.({ pid: process.pid, seqs }, () => process.disconnect?.());
