import type * as budgets from '../../../../shared/resources/budgets.ts';
import type { CostRow } from '../costs/rows.ts';
import { dayMs, dayOf } from '../costs/rows.ts';
import { sumsOf } from '../costs/sums.ts';
import { Damaged, table, type Context, type Tx } from '../../tx.ts';

// Invariant: in the period that a budget's row names, `spent_nano_usd` is what the sums of its days say. A row that names
// another period, because time went on or a clock was set, is counted anew.

export interface BudgetRow {
  app: string;
  name: string;
  provider: string | null;
  period: budgets.Budget['period'];
  limit_nano_usd: number;
  started_at: number;
  ends_at: number;
  spent_nano_usd: number;
  unknown: number;
  exceeded: number;
  created_at: number;
  updated_at: number;
  position: number;
}
export const budget = table<BudgetRow>(
  'budget',
  ['app', 'name'],
  [
    'provider',
    'period',
    'limit_nano_usd',
    'started_at',
    'ends_at',
    'spent_nano_usd',
    'unknown',
    'exceeded',
    'created_at',
    'updated_at',
    'position',
  ],
);

/** The last moment that a date can name. */
const never = 8.64e15;

function periodOf(period: BudgetRow['period'], at: number): { started_at: number; ends_at: number } {
  if (period === 'total') return { started_at: -never, ends_at: never };
  if (period === 'day') return { started_at: dayOf(at) * dayMs, ends_at: (dayOf(at) + 1) * dayMs };
  const now = new Date(at);
  const month = (offset: number) => Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + offset);
  return { started_at: month(0), ends_at: month(1) };
}

/** The row as it is at this time. */
export async function current(tx: Tx, row: BudgetRow, at: number): Promise<BudgetRow> {
  return row.started_at <= at && at < row.ends_at ? row : counted(tx, row, at);
}

/** The row with what the sums say; one that is damaged counts as unknown. */
export async function counted(tx: Tx, row: BudgetRow, at: number): Promise<BudgetRow> {
  const period = periodOf(row.period, at);
  const where = ['detail = 0', 'app = ?', 'day >= ?', 'day < ?'];
  const parameters = [row.app, dayOf(period.started_at), dayOf(period.ends_at)];
  if (row.provider !== null) {
    where.push('provider = ?');
    parameters.push(row.provider);
  }
  let [spent, unknown] = [0, 0];
  for await (const each of sumsOf(tx, where, parameters)) {
    if (each instanceof Damaged) unknown += 1;
    else [spent, unknown] = [spent + each.nano_usd, unknown + each.unknown];
  }
  return withSpent({ ...row, ...period }, spent, unknown);
}

const withSpent = (row: BudgetRow, spent: number, unknown: number): BudgetRow => ({
  ...row,
  spent_nano_usd: spent,
  unknown,
  exceeded: spent > row.limit_nano_usd ? 1 : 0,
});

/** Stores what is spent of a budget; tells when it is more than the limit now, once a period. */
export async function store(tx: Tx, row: BudgetRow, before?: BudgetRow): Promise<void> {
  const told = before?.exceeded === 1 && before.started_at === row.started_at;
  if (row.exceeded === 1 && !told) await tx.change({ kind: 'budget-exceeded', id: row.name });
  await tx.put(budget, row);
}

/** Counts a record, which the sums hold already, in the budgets that it is of. A damaged budget shows in their list. */
export async function spend(tx: Tx, cost: CostRow, { at }: Context): Promise<void> {
  const tail = 'WHERE app = ? AND (provider IS NULL OR provider = ?)';
  for (const row of await tx.select(budget, tail, cost.app, cost.provider)) {
    if (row instanceof Damaged) continue;
    const known = row.started_at <= at && at < row.ends_at;
    if (!known) await store(tx, await counted(tx, row, at), row);
    else if (row.started_at <= cost.at && cost.at < row.ends_at) {
      const unknown = row.unknown + (cost.nano_usd === null ? 1 : 0);
      await store(tx, withSpent(row, row.spent_nano_usd + (cost.nano_usd ?? 0), unknown), row);
    }
  }
}
