import { connect, draftWriter } from '../../client/index.ts';

// An application that streams an answer, a word every few milliseconds, into the draft of the session named by its
// argument, and reports how much of it there is.
const [, , id = ''] = process.argv;
const client = connect({ app: 'test' });
const writer = draftWriter(client, { id, intervalMs: 20 });
let words = 0;
setInterval(() => {
  words += 1;
  const text = Array.from({ length: words }, (_, n) => `word-${n + 1}`).join(' ');
  // Not before it is reported: a report that dies with this process would be of less than was kept.
  process.send?.(words, undefined, undefined, () => writer.update(text));
}, 5);
