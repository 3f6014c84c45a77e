import { connect } from '../../client/index.ts';
import { messageQueue } from '../helpers/adapters/claudelet-queue.ts';
import { sessionStorage } from '../helpers/adapters/claudelet-sessions.ts';

// One of several terminals of Claudelet in one session, of which its arguments are the id and the number of this one. It
// saves the session after each of its messages, as a whole, and in between adds to the queue and injects what waits there.
// Told to finish, it adds no more, and ends when nothing waits. Reports what it was told is done.

export interface TerminalReport {
  saved: string[];
  added: string[];
  injected: string[];
}

const [, , id = '', terminal = ''] = process.argv;
await using client = connect({ app: 'claudelet', deadlineMs: 90_000 });
const storage = sessionStorage(client);
const queue = messageQueue(client, id);
const report: TerminalReport = { saved: [], added: [], injected: [] };
const session = await storage.loadSessionById(id);
let finishing = false;
process.once('message', () => (finishing = true));

for (;;) {
  const content = `${terminal}-${report.saved.length}`;
  session.messages.push({ role: 'assistant', content, timestamp: new Date().toISOString() });
  session.outputTokens += 2;
  await storage.saveSession(session);
  report.saved.push(content);
  const last = finishing;
  if (!last) report.added.push((await queue.add('go on')).id);
  const next = await queue.injectNext();
  if (next) report.injected.push(next.id);
  else if (last) break;
}
process.send?.(report);
process.disconnect?.();
