import { HoldfastError } from '../../../../shared/errors.ts';
import { revisionOf, type Context, type Tx } from '../../tx.ts';
import { config, configValue, configVersion, textOf, toConfig, type ConfigRow } from './rows.ts';

/** Versions of a document that are kept, at least: so many, of so many characters together. */
const kept = { versions: 10_000, characters: 64 * 1024 * 1024 };
/** How many are made between two looks at that. */
const between = 100;

interface Address {
  app: string;
  name: string;
}

/** Makes a value, as JSON text, the newest version; one that is the newest already is left as it is. */
export async function store(tx: Tx, context: Context, { app, name }: Address, text: string, previous?: ConfigRow) {
  if (previous && (await isValue(tx, previous, text))) return toConfig(previous, context);
  if (!previous) context.status = 201;
  const { position, version } = await addVersion(tx, context, { app, name }, text);
  const created_at = previous?.created_at ?? context.at;
  const row = { app, name, version, size: text.length, created_at, updated_at: context.at, position };
  await tx.put(config, row);
  return toConfig(row, context);
}

/** A value that cannot be read is another one: it must not keep a good one out. */
async function isValue(tx: Tx, row: ConfigRow, text: string): Promise<boolean> {
  try {
    return row.size === text.length && (await textOf(tx, row)) === text;
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'damaged') return false;
    throw error;
  }
}

/** Removes a document; its versions stay. */
export async function drop(tx: Tx, context: Context, { app, name }: Address) {
  const { position } = await addVersion(tx, context, { app, name });
  await tx.delete(config, { app, name });
  return { id: name, revision: revisionOf(context, position) };
}

async function addVersion(tx: Tx, context: Context, { app, name }: Address, text?: string) {
  const position = await tx.change({ kind: 'config', id: name });
  const [last] = await tx.query('SELECT max(version) FROM config_version WHERE app = ? AND name = ?', app, name);
  const version = Number(last?.[0] ?? 0) + 1;
  const { op, at, client, pid } = context;
  await tx.insert(configVersion, { position, app, name, version, size: text?.length ?? null, op, at, client, pid });
  if (text !== undefined) await tx.insert(configValue, { position, value: text });
  if (version % between === 0) await forget(tx, app, name, version);
  return { position, version };
}

/** Removes the versions that need not be kept, oldest first. */
async function forget(tx: Tx, app: string, name: string, newest: number): Promise<void> {
  const old = await tx.query(
    `SELECT position FROM (
       SELECT position, version, sum(coalesce(size, 0)) OVER (ORDER BY version DESC) AS characters
       FROM config_version WHERE app = ? AND name = ?
     ) AS versions WHERE version <= ? OR characters > ?`,
    app,
    name,
    newest - kept.versions,
    kept.characters,
  );
  for (const [position] of old) await removeVersion(tx, Number(position));
}

async function removeVersion(tx: Tx, position: number): Promise<void> {
  await tx.delete(configValue, { position });
  await tx.delete(configVersion, { position });
}

/** Removes a document with all its versions, unread: damage does not keep it. Answers whether there was anything. */
export async function eraseAll(tx: Tx, { app, name }: Address): Promise<boolean> {
  const rows = await tx.query('SELECT position FROM config_version WHERE app = ? AND name = ?', app, name);
  for (const [position] of rows) await removeVersion(tx, Number(position));
  const [head] = await tx.query('SELECT 1 FROM config WHERE app = ? AND name = ?', app, name);
  if (head) await tx.delete(config, { app, name });
  return rows.length > 0 || head !== undefined;
}
