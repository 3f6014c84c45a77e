import { cpSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';

// The last transaction of a daemon that was killed, as bytes at the end of its write-ahead log.

export const id = 'conversation';
const said = (content: string) => ({ role: 'assistant', content });

/** All that a turn of a conversation changes, in one call. */
export const lastTurn = {
  id,
  messages: [said('the last answer'), { role: 'tool', content: '', toolResult: 'x'.repeat(500) }],
  usage: { inputTokens: 10, outputTokens: 5, costNanoUsd: 3 },
  status: 'completed' as const,
  delivery: 'pending' as const,
  clearDraft: true,
};

export interface Killed {
  /** A home with the data that the daemon left, and nothing that runs. */
  home: TestHome;
  /** Bytes of the log before the last transaction and after it. */
  before: number;
  after: number;
}

const logOf = (home: TestHome) => `${home.paths.database}-wal`;
const sizeOf = (file: string) => statSync(file).size;

/** The data of a daemon that is killed right after `last`, in a home of its own. */
export async function killedAfter(last: (client: Client) => Promise<unknown>): Promise<Killed> {
  await using home = new TestHome();
  const daemon = await home.start();
  const client = home.client();
  await client.sessions.create({ id, title: 'Before' });
  await client.sessions.append({ id, messages: [said('the first answer')], usage: { inputTokens: 1 } });
  await client.drafts.put({ id, text: 'the last ans' });
  const before = sizeOf(logOf(home));
  await last(client);
  const after = sizeOf(logOf(home));
  await daemon.end('SIGKILL');
  // When the writer was idle for a second in between, the log begins anew: then there is nothing to cut.
  if (before === 0 || after <= before || sizeOf(logOf(home)) !== after) return killedAfter(last);
  return { home: copyOf(home), before, after };
}

/** A home with the same data. */
export function copyOf(home: TestHome): TestHome {
  const copy = new TestHome();
  cpSync(home.paths.data, copy.paths.data, { recursive: true });
  return copy;
}

/** Everything that the last turn changes, as SQL sees it after it recovered the log; a line per fact. */
const facts = `
  SELECT group_concat(fact, '\n') FROM (
    SELECT 'log ' || count(*) || ' ' || max(position) || ' ' || sum(sum) AS fact FROM log
    UNION ALL SELECT 'head ' || head || ' ' || input_tokens || ' ' || position || ' ' || sum FROM session_head
    UNION ALL SELECT 'session ' || status || ' ' || sum FROM session
    UNION ALL SELECT 'drafts ' || count(*) FROM draft
    UNION ALL SELECT 'deliveries ' || count(*) FROM delivery
    UNION ALL SELECT 'history ' || count(*) FROM history)`;

/** The state that a database and its log hold together; the files stay as they are. */
export function stateOf({ paths: { database } }: TestHome): string {
  // What another connection knew of the log is in this file.
  rmSync(`${database}-shm`, { force: true });
  const db = new DatabaseSync(database, { readOnly: true });
  try {
    return String(Object.values(db.prepare(facts).get() ?? {})[0]);
  } finally {
    db.close();
  }
}

/** What happens to a log from a byte on: it ends there, or the blocks after it were never written. */
export type Tear = 'cut' | 'zeros' | 'another file';

export function tear(home: TestHome, how: Tear, at: number): void {
  if (how === 'cut') return truncateSync(logOf(home), at);
  const bytes = readFileSync(logOf(home));
  if (how === 'zeros') bytes.fill(0, at);
  // What lay in these blocks before: here, the log's own beginning.
  else bytes.copy(bytes, at, 0, bytes.length - at);
  writeFileSync(logOf(home), bytes);
}

/** The states that are seen with the log torn at these bytes, and how many tears show each. */
export function statesOf(home: TestHome, how: Tear, offsets: Iterable<number>): Map<string, number> {
  const states = new Map<string, number>();
  const whole = readFileSync(logOf(home));
  for (const at of offsets) {
    if (how !== 'cut') writeFileSync(logOf(home), whole);
    tear(home, how, at);
    const state = stateOf(home);
    states.set(state, (states.get(state) ?? 0) + 1);
  }
  writeFileSync(logOf(home), whole);
  return states;
}

/** Descending, so that each cut is made of the one before. */
export function* downFrom(high: number, low: number, step = 1): Generator<number> {
  for (let at = high; at >= low; at -= step) yield at;
}
