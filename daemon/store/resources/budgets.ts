import type { InputOf } from '../../../shared/operation.ts';
import type * as budgets from '../../../shared/resources/budgets.ts';
import { page } from '../page.ts';
import { isoTime, revisionOf, type Context, type Tx } from '../tx.ts';
import { budget, counted, current, store, type BudgetRow } from './budgets/spent.ts';
import { guard, required } from './revisions.ts';

async function toBudget(tx: Tx, stored: BudgetRow, context: Context): Promise<budgets.Budget> {
  const row = await current(tx, stored, context.at);
  return {
    name: row.name,
    provider: row.provider,
    period: row.period,
    limitNanoUsd: row.limit_nano_usd,
    spentNanoUsd: row.spent_nano_usd,
    unknown: row.unknown,
    exceeded: row.exceeded === 1,
    createdAt: isoTime(row.created_at),
    updatedAt: isoTime(row.updated_at),
    revision: revisionOf(context, row.position),
  };
}

export async function put(tx: Tx, input: InputOf<typeof budgets.put>, context: Context) {
  const { app, name } = input;
  const previous = await tx.find(budget, { app, name });
  guard('budget', previous, input, context);
  if (!previous) context.status = 201;
  const position = await tx.change({ kind: 'budget', id: name });
  if (previous) await tx.keep(position, 'budget', name, previous);
  const row = await counted(
    tx,
    {
      app,
      name,
      provider: input.provider ?? null,
      period: input.period,
      limit_nano_usd: input.limitNanoUsd,
      started_at: 0,
      ends_at: 0,
      spent_nano_usd: 0,
      unknown: 0,
      exceeded: 0,
      created_at: previous?.created_at ?? context.at,
      updated_at: context.at,
      position,
    },
    context.at,
  );
  await store(tx, row, previous);
  return toBudget(tx, row, context);
}

export async function list(tx: Tx, input: InputOf<typeof budgets.list>, context: Context) {
  return page(
    tx,
    context,
    budget,
    {
      sort: 'name',
      type: 'string',
      tie: 'name',
      order: input.order ?? 'asc',
      limit: input.limit,
      cursor: input.cursor,
      where: ['app = ?'],
      parameters: [input.app],
    },
    (row) => toBudget(tx, row, context),
    (row) => row.name,
  );
}

async function remove(tx: Tx, input: InputOf<typeof budgets.delete>, context: Context) {
  const { app, name } = input;
  const previous = required('budget', await tx.find(budget, { app, name }), input, context);
  const position = await tx.change({ kind: 'budget', id: name });
  await tx.keep(position, 'budget', name, previous);
  await tx.delete(budget, { app, name });
  return { id: name, revision: revisionOf(context, position) };
}
export { remove as delete };

/** Whether any application has spent more than a budget of the present period. */
async function exceeded(tx: Tx, at: number): Promise<boolean> {
  const tail = 'WHERE exceeded = 1 AND started_at <= ? AND ends_at > ? LIMIT 1';
  return (await tx.query(`SELECT 1 FROM budget ${tail}`, at, at)).length > 0;
}
export const reasons = { budget_exceeded: exceeded };
