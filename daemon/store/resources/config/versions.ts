import { differences } from '../../../../shared/differences.ts';
import { HoldfastError, invalidField } from '../../../../shared/errors.ts';
import type { Json } from '../../../../shared/json.ts';
import type { InputOf } from '../../../../shared/operation.ts';
import type * as contract from '../../../../shared/resources/config.ts';
import { page, type PageRequest } from '../../page.ts';
import { Damaged, type Context, type Tx } from '../../tx.ts';
import { guard } from '../revisions.ts';
import { config, configVersion, textOf, toVersion, withValue, type VersionRow } from './rows.ts';
import { store } from './write.ts';

type Address = Pick<InputOf<typeof contract.version>, 'app' | 'name'>;

/** The number of the newest version; also of a document that was removed. */
async function newestOf(tx: Tx, { app, name }: Address): Promise<number> {
  const [row] = await tx.query('SELECT max(version) FROM config_version WHERE app = ? AND name = ?', app, name);
  if (typeof row?.[0] === 'number') return row[0];
  throw new HoldfastError('not_found', `There is no config document named '${name}', nor was there.`);
}

async function find(tx: Tx, { app, name }: Address, number: number): Promise<VersionRow> {
  const tail = 'WHERE app = ? AND name = ? AND version = ?';
  const [row] = await tx.select(configVersion, tail, app, name, number);
  if (!row) throw new HoldfastError('not_found', `There is no version ${number} of the config document '${name}'.`);
  if (!(row instanceof Damaged)) return row;
  throw new HoldfastError('damaged', `Version ${number} of the config document '${name}' is damaged: ${row.reason}.`);
}

const valueOf = async (tx: Tx, row: VersionRow): Promise<Json | undefined> =>
  row.size === null ? undefined : (JSON.parse(await textOf(tx, row)) as Json);

export async function versions(tx: Tx, input: InputOf<typeof contract.versions>, context: Context) {
  await newestOf(tx, input);
  const request: PageRequest = {
    sort: 'version',
    type: 'number',
    tie: 'name',
    order: input.order ?? 'desc',
    limit: input.limit,
    cursor: input.cursor,
    where: ['app = ?', 'name = ?'],
    parameters: [input.app, input.name],
  };
  return page(
    tx,
    context,
    configVersion,
    request,
    (row) => toVersion(row, context),
    (row) => String(row.version),
  );
}

export async function version(tx: Tx, input: InputOf<typeof contract.version>, context: Context) {
  const row = await find(tx, input, input.version);
  if (row.size === null) {
    throw new HoldfastError('not_found', `Version ${row.version} removed the config document '${input.name}'.`);
  }
  return withValue({ name: input.name, ...toVersion(row, context) }, await textOf(tx, row));
}

export async function diff(tx: Tx, input: InputOf<typeof contract.diff>) {
  const { name, from, to = await newestOf(tx, input) } = input;
  const [before, after] = [await find(tx, input, from), await find(tx, input, to)];
  return { name, from, to, changes: differences(await valueOf(tx, before), await valueOf(tx, after)) };
}

export async function revert(tx: Tx, input: InputOf<typeof contract.revert>, context: Context) {
  const previous = await tx.find(config, { app: input.app, name: input.name });
  guard('config document', previous, input, context);
  const row = await find(tx, input, input.version);
  if (row.size === null) throw invalidField('version', `removed '${input.name}': delete it, or name another one`);
  return store(tx, context, input, await textOf(tx, row), previous);
}
