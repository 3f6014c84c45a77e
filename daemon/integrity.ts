import type { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import type { IntegrityLine } from '../shared/integrity.ts';
import { paths } from '../shared/paths.ts';
import { redact } from './redact.ts';
import { findRoot, neededRoot } from './store/keys/keyring.ts';
import { Unlocked } from './store/keys/passphrase.ts';
import { RootKeyFile } from './store/keys/root-key.ts';
import { openReader } from './store/sqlite/connection.ts';
import { checkDatabase, type Turn } from './store/sqlite/integrity.ts';
import { SqliteTx } from './store/sqlite/transaction.ts';

// The check of the database as a process of its own, for `holdfast doctor`: it changes nothing, and works beside a daemon
// that runs as well as without one. It says what it finds in lines of JSON: see shared/integrity.ts.
//
// Invariant: it stands in nobody's way for longer than the check of one table takes. An open connection keeps a daemon
// from starting, and a snapshot keeps the write-ahead log from being emptied: so after each turn the connection is closed,
// and when the turns were long, for long enough that whoever waits for it comes first.
const turnMs = 150;
const restMs = 120;

const { database, rootKey } = paths();
const say = (line: IntegrityLine) => void process.stdout.write(`${JSON.stringify(line)}\n`);

let until = performance.now() + turnMs;
const turn: Turn = async (work, long = false) => {
  if (long || performance.now() > until) {
    await sleep(restMs);
    until = performance.now() + turnMs;
  }
  const db = openReader(database);
  try {
    return await work(db, until);
  } finally {
    db.close();
  }
};

/** The root key, judged by what the store needs. One that waits for its passphrase does so for the daemon alone. */
async function checkKey(db: DatabaseSync): Promise<void> {
  const needed = await neededRoot(new SqliteTx(db));
  if (needed === undefined) return;
  const found = findRoot(new RootKeyFile({ path: rootKey, memory: new Unlocked().memory }), needed);
  if ('fault' in found && found.fault !== 'key_locked') say({ key: { code: found.fault, detail: found.detail } });
}

try {
  for await (const line of checkDatabase(turn)) {
    // What the tables say of damage has been told: a key is not judged by a table that cannot be read.
    if ('end' in line) await turn(checkKey).catch(() => undefined);
    say(line);
  }
} catch (error) {
  say({ failed: redact(error instanceof Error ? error.message : String(error)) });
}
