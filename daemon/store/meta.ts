import { table, type Tx } from './tx.ts';

/**
 * Facts about the store itself: `epoch`, random, new at creation and at every restore; `file`, when the database that the epoch is of
 * was made; `floor` of the log; `token_key`.
 */
interface MetaRow {
  name: string;
  value: string;
}
const meta = table<MetaRow>('meta', ['name'], ['value']);

export async function readMeta(tx: Tx, name: string): Promise<string | undefined> {
  return (await tx.find(meta, { name }))?.value;
}

export async function writeMeta(tx: Tx, name: string, value: string): Promise<void> {
  await tx.put(meta, { name, value });
}

/**
 * The epoch, made with the first opening of a new store, and anew where `born` tells that the database is a copy that was put
 * back: revisions and cursors that clients hold would come to name other states. So a store with a log but no epoch is damaged.
 * What is not known, now or then, tells nothing: a new epoch at each start would reset every reader.
 */
export async function epochOf(tx: Tx, born: string | undefined): Promise<string> {
  const [known, file] = [await readMeta(tx, 'epoch'), await readMeta(tx, 'file')];
  const isCopy = born !== undefined && file !== undefined && born !== file;
  let epoch = isCopy ? undefined : known;
  if (epoch === undefined) {
    const [used] = isCopy ? [] : await tx.query('SELECT position FROM log LIMIT 1');
    if (used) throw new Error('it has no epoch, so it is damaged; restore a copy');
    epoch = crypto.randomUUID().slice(0, 8);
    await writeMeta(tx, 'epoch', epoch);
  }
  // Last: a kill in between costs one more epoch, never one too few.
  if (born !== undefined && born !== file) await writeMeta(tx, 'file', born);
  return epoch;
}
