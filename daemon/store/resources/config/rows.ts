import { HoldfastError, invalidField } from '../../../../shared/errors.ts';
import { flawOf, maxDocument, type Json } from '../../../../shared/json.ts';
import type { Config, Version } from '../../../../shared/resources/config/fields.ts';
import { isoTime, JsonText, revisionOf, table, type Context, type Tx } from '../../tx.ts';

/** What a document is now. */
export interface ConfigRow {
  app: string;
  name: string;
  version: number;
  size: number;
  created_at: number;
  updated_at: number;
  position: number;
}
export const config = table<ConfigRow>(
  'config',
  ['app', 'name'],
  ['version', 'size', 'created_at', 'updated_at', 'position'],
);

/** A change of a document. The rows are the history: the log and what `Tx.keep` keeps are pruned after a month. */
export interface VersionRow {
  position: number;
  app: string;
  name: string;
  version: number;
  /** Null for a removal, which has no value. */
  size: number | null;
  op: string;
  at: number;
  client: string | null;
  pid: number | null;
}
export const configVersion = table<VersionRow>(
  'config_version',
  ['position'],
  ['app', 'name', 'version', 'size', 'op', 'at', 'client', 'pid'],
);
export const configValue = table<{ position: number; value: string }>('config_value', ['position'], ['value']);

export const toConfig = (row: ConfigRow, context: Context): Config => ({
  name: row.name,
  version: row.version,
  size: row.size,
  createdAt: isoTime(row.created_at),
  updatedAt: isoTime(row.updated_at),
  revision: revisionOf(context, row.position),
});

export const toVersion = (row: VersionRow, context: Context): Version => ({
  version: row.version,
  revision: revisionOf(context, row.position),
  op: row.op,
  at: isoTime(row.at),
  client: row.client,
  pid: row.pid,
  size: row.size,
});

/** An answer with a value that is JSON text already. */
export const withValue = (answer: Config | Version, text: string): JsonText =>
  new JsonText(`${JSON.stringify(answer).slice(0, -1)},"value":${text}}`, answer.revision);

/** The value of a version, as JSON text. */
export async function textOf(tx: Tx, { position, name, version }: ConfigRow | VersionRow): Promise<string> {
  const called = `${name}, version ${version}`;
  const row = await tx.find(configValue, { position }, called);
  if (row) return row.value;
  throw new HoldfastError('damaged', `The config_value row of '${called}' is damaged: it is missing.`);
}

/** The text of a value that was made from what is stored and `field`: the bounds of the schema, for the whole. */
export function textFor(value: Json, field: string): string {
  const text = JSON.stringify(value);
  const flaw = flawOf(value) ?? (text.length > maxDocument ? `must not exceed ${maxDocument} characters` : undefined);
  if (flaw !== undefined) throw invalidField(field, `makes the document one that ${flaw}`);
  return text;
}
