import { DatabaseSync } from 'node:sqlite';
import { setImmediate as turn } from 'node:timers/promises';
import { collect } from './collect-garbage.ts';

// Takes the lock of the daemon as it does, keeps the handle or not (`keep`), and says so once garbage was collected.

const [, , path = '', keep] = process.argv;
const kept: DatabaseSync[] = [];
function take(): void {
  const lock = new DatabaseSync(path);
  lock.exec('BEGIN EXCLUSIVE');
  if (keep === 'keep') kept.push(lock);
}
take();
for (let round = 0; round < 5; round++) {
  collect();
  await turn();
}
process.send?.('collected');
setInterval(() => kept.length, 1_000);
