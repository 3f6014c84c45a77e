import { HoldfastError } from '../../../shared/errors.ts';
import type { InputOf } from '../../../shared/operation.ts';
import type * as costs from '../../../shared/resources/costs.ts';
import { decodeCursor, encodeCursor, fitting, page } from '../page.ts';
import { Damaged, type Context, type Tx, type Value } from '../tx.ts';
import { spend } from './budgets/spent.ts';
import { conditions, cost, dayMs, toCost, type CostRow } from './costs/rows.ts';
import { addToSums, amountsOf, archiving } from './costs/sums.ts';

export { summary } from './costs/summary.ts';

export const scans = { list: 'FROM cost WHERE app = ?', summary: 'FROM cost_sum WHERE app = ?' };

/** Records that one call archives at most, so that no writer waits long. */
const slice = 1000;

type Recorded = InputOf<typeof costs.record>;

export async function record(tx: Tx, input: Recorded, context: Context) {
  const { app, usageId } = input;
  const [earlier] = await tx.select(cost, 'WHERE app = ? AND usage_id = ?', app, usageId);
  if (earlier instanceof Damaged) {
    throw new HoldfastError('damaged', `The cost row of '${usageId}' is damaged: ${earlier.reason}.`);
  }
  if (earlier) return repeated(earlier, input, context);
  const row: CostRow = { ...contentOf(input), position: 0, at: timeOf(input, context), archived: 0 };
  row.position = await tx.change({ kind: 'cost', id: usageId });
  await tx.insert(cost, row);
  await addToSums(tx, [row], amountsOf);
  await spend(tx, row, context);
  context.status = 201;
  return toCost(row, context);
}

const timeOf = ({ at }: Recorded, context: Context) => (at === undefined ? context.at : Date.parse(at));

const contentOf = (input: Recorded) => ({
  app: input.app,
  usage_id: input.usageId,
  provider: input.provider,
  model: input.model,
  operation: input.operation,
  session: input.session ?? null,
  feed: input.feed ?? null,
  input_tokens: input.inputTokens ?? 0,
  output_tokens: input.outputTokens ?? 0,
  nano_usd: input.costNanoUsd,
  metadata: JSON.stringify(input.metadata ?? {}),
});

/** The record again, for one that is told twice; an id that is used for something else would lose one of the two. */
function repeated(earlier: CostRow, input: Recorded, context: Context): costs.Cost {
  const content = Object.entries(contentOf(input)) as [keyof CostRow, Value][];
  const same = content.every(([name, value]) => earlier[name] === value);
  if (same && (input.at === undefined || Date.parse(input.at) === earlier.at)) return toCost(earlier, context);
  throw new HoldfastError('exists', `A cost of usage '${input.usageId}' with other content exists: make a new id.`);
}

export async function list(tx: Tx, input: InputOf<typeof costs.list>, context: Context) {
  const { where, parameters } = conditions(input, 'at', dayMs);
  return page(
    tx,
    context,
    cost,
    {
      sort: 'at',
      type: 'number',
      tie: 'usage_id',
      order: input.order ?? 'desc',
      limit: input.limit,
      cursor: input.cursor,
      where: [...where, 'archived = ?'],
      parameters: [...parameters, input.archived ? 1 : 0],
    },
    (row) => toCost(row, context),
    (row) => row.usage_id,
  );
}

/** Archived records stay, for their ids must be known for ever; damaged ones are passed over by the cursor, and counted. */
export async function clear(tx: Tx, input: InputOf<typeof costs.clear>, context: Context) {
  const { where, parameters } = conditions(input, 'at', dayMs);
  where.push('archived = 0');
  if (input.cursor !== undefined) {
    where.push('(at, usage_id) > (?, ?)');
    parameters.push(...decodeCursor(context, 'costs.clear', input.cursor, ['number', 'string']));
  }
  const tail = `WHERE ${where.join(' AND ')} ORDER BY at, usage_id LIMIT ?`;
  const most = await fitting(tx, cost, tail, parameters, slice);
  const rows = await tx.select(cost, tail, ...parameters, most);
  const good = rows.filter((row): row is CostRow => !(row instanceof Damaged));
  if (good.length > 0) await tx.change({ kind: 'cost-archive', id: `${input.from ?? ''}..${input.to ?? ''}` });
  for (const row of good) await tx.put(cost, { ...row, archived: 1 });
  await addToSums(tx, good, archiving);
  const last = rows.length === most ? rows.at(-1) : undefined;
  const place = last instanceof Damaged ? last.row : last;
  return {
    archived: good.length,
    nextCursor: place ? encodeCursor(context, 'costs.clear', [place.at, place.usage_id]) : null,
    damagedCount: rows.length - good.length,
  };
}
