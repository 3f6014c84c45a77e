import { HoldfastError, invalidField } from '../../../shared/errors.ts';
import { mergePatch, type Json } from '../../../shared/json.ts';
import type { InputOf } from '../../../shared/operation.ts';
import { valueAt, withValueAt } from '../../../shared/pointer.ts';
import type * as contract from '../../../shared/resources/config.ts';
import { page } from '../page.ts';
import { revisionOf, type Context, type Tx } from '../tx.ts';
import { config, textFor, textOf, toConfig, withValue } from './config/rows.ts';
import { drop, eraseAll, store } from './config/write.ts';
import { guard, required } from './revisions.ts';

export { diff, revert, version, versions } from './config/versions.ts';

const what = 'config document';

export async function put(tx: Tx, input: InputOf<typeof contract.put>, context: Context) {
  const previous = await tx.find(config, { app: input.app, name: input.name });
  guard(what, previous, input, context);
  return store(tx, context, input, JSON.stringify(input.value), previous);
}

export async function get(tx: Tx, input: InputOf<typeof contract.get>, context: Context) {
  const { app, name, path } = input;
  const row = required(what, await tx.find(config, { app, name }), { name }, context);
  const text = await textOf(tx, row);
  if (path === undefined) return withValue(toConfig(row, context), text);
  const value = valueAt(JSON.parse(text) as Json, path);
  if (value === undefined) throw new HoldfastError('not_found', `The config document '${name}' has no '${path}'.`);
  return withValue(toConfig(row, context), JSON.stringify(value));
}

export async function list(tx: Tx, input: InputOf<typeof contract.list>, context: Context) {
  const sort = { id: { sort: 'name', type: 'string' }, createdAt: { sort: 'created_at', type: 'number' } } as const;
  const request = {
    ...sort[input.sort],
    tie: 'name',
    order: input.order ?? 'asc',
    limit: input.limit,
    cursor: input.cursor,
    where: ['app = ?'],
    parameters: [input.app],
  };
  return page(
    tx,
    context,
    config,
    request,
    (row) => toConfig(row, context),
    (row) => row.name,
  );
}

export async function patch(tx: Tx, input: InputOf<typeof contract.patch>, context: Context) {
  const previous = await tx.find(config, { app: input.app, name: input.name });
  guard(what, previous, input, context);
  const before = previous && (JSON.parse(await textOf(tx, previous)) as Json);
  return store(tx, context, input, textFor(mergePatch(before, input.patch), 'patch'), previous);
}

export async function set(tx: Tx, input: InputOf<typeof contract.set>, context: Context) {
  const { app, name, path, value } = input;
  const found = await tx.find(config, { app, name });
  const removes = value === undefined;
  if (removes && path === '') throw invalidField('path', `is the whole document: 'delete' removes it`);
  if (removes) required(what, found, input, context);
  else guard(what, found, input, context);
  const before = found && (JSON.parse(await textOf(tx, found)) as Json);
  const after = withValueAt(before, path, value) ?? null;
  return store(tx, context, input, textFor(after, 'value'), found);
}

async function remove(tx: Tx, input: InputOf<typeof contract.delete>, context: Context) {
  const { app, name, erase, expectedRevision } = input;
  if (!erase || expectedRevision !== undefined) {
    required(what, await tx.find(config, { app, name }), input, context);
  }
  if (!erase) return drop(tx, context, input);
  if (!(await eraseAll(tx, input))) throw new HoldfastError('not_found', `There is no ${what} named '${name}'.`);
  return { id: name, revision: revisionOf(context, await tx.change({ kind: 'config', id: name })) };
}
export { remove as delete };
