import { table, type Tx } from './tx.ts';

/** Facts about the store itself. `epoch`: random, new at creation and at every restore. */
interface MetaRow {
  name: string;
  value: string;
}
const metaTable = table<MetaRow>('meta', ['name'], ['value']);

/**
 * The epoch, made with the first opening of a new store. A store with a log but no epoch is damaged: revisions and
 * cursors that clients hold would come to name other states.
 */
export async function epochOf(tx: Tx): Promise<string> {
  const row = await tx.find(metaTable, { name: 'epoch' });
  if (row) return row.value;
  const [used] = await tx.query('SELECT position FROM log LIMIT 1');
  if (used) throw new Error('it has no epoch, so it is damaged; restore a copy');
  const value = crypto.randomUUID().slice(0, 8);
  await tx.insert(metaTable, { name: 'epoch', value });
  return value;
}
