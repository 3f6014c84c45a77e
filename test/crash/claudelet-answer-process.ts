import { connect, draftWriter } from '../../client/index.ts';
import { answerTo } from './claudelet-turns.ts';

// An application whose answer never ends: it keeps a draft of it in the session of its argument, and reports how many
// characters it was told are kept. Then it goes on without flushing.

const [, , id = ''] = process.argv;
const client = connect({ app: 'test' });
const draft = draftWriter(client, { id, intervalMs: 5 });
for (let length = 1; ; length++) {
  draft.update(answerTo(length));
  if (length % 20 === 0) {
    await draft.flush();
    process.send?.(length);
  } else {
    await new Promise((resolve) => setImmediate(resolve));
  }
}
