import { table, type Tx } from './tx.ts';

/** Facts about the store itself: `epoch`, random, new at creation and at every restore; `floor` of the log; `token_key`. */
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
 * The epoch, made with the first opening of a new store. A store with a log but no epoch is damaged: revisions and
 * cursors that clients hold would come to name other states.
 */
export async function epochOf(tx: Tx): Promise<string> {
  const known = await readMeta(tx, 'epoch');
  if (known !== undefined) return known;
  const [used] = await tx.query('SELECT position FROM log LIMIT 1');
  if (used) throw new Error('it has no epoch, so it is damaged; restore a copy');
  const epoch = crypto.randomUUID().slice(0, 8);
  await writeMeta(tx, 'epoch', epoch);
  return epoch;
}
