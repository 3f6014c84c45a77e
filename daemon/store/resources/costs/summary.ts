import { HoldfastError } from '../../../../shared/errors.ts';
import type { InputOf, OutputOf } from '../../../../shared/operation.ts';
import type * as costs from '../../../../shared/resources/costs.ts';
import { Damaged, type Tx } from '../../tx.ts';
import { conditions, dayText } from './rows.ts';
import { addTo, nothing, sumsOf, type Amounts, type SumRow } from './sums.ts';

/** Groups that one answer has at most. */
const maxGroups = 10_000;

const toSums = (all: Amounts) => ({
  records: all.records,
  unknown: all.unknown,
  inputTokens: all.input_tokens,
  outputTokens: all.output_tokens,
  knownNanoUsd: all.nano_usd,
  archived: all.archived,
  archivedNanoUsd: all.archived_nano_usd,
});

type Input = InputOf<typeof costs.summary>;
type Group = OutputOf<typeof costs.summary>['groups'][number];

/** What a row is of, as the caller is told. */
const valueOf = {
  day: (row: SumRow) => dayText(row.day),
  provider: (row: SumRow) => row.provider,
  model: (row: SumRow) => row.model,
  operation: (row: SumRow) => row.operation,
  session: (row: SumRow) => row.session || null,
  feed: (row: SumRow) => row.feed || null,
};

export async function summary(tx: Tx, input: Input): Promise<OutputOf<typeof costs.summary>> {
  const by = [...new Set(input.by)];
  const detail = by.includes('session') || by.includes('feed') || (input.session ?? input.feed) !== undefined;
  const { where, parameters } = conditions(input, 'day', 1);
  const groups = new Map<string, { values: (string | null)[]; all: Amounts }>();
  const total = { ...nothing };
  let damagedCount = 0;
  for await (const row of sumsOf(tx, ['detail = ?', ...where], [detail ? 1 : 0, ...parameters])) {
    if (row instanceof Damaged) {
      damagedCount += 1;
      continue;
    }
    addTo(total, row);
    if (by.length === 0) continue;
    const of = by.map((name) => valueOf[name](row));
    const id = JSON.stringify(of);
    const group = groups.get(id) ?? { values: of, all: { ...nothing } };
    addTo(group.all, row);
    groups.set(id, group);
    if (groups.size <= maxGroups) continue;
    throw new HoldfastError('too_large', `There are more than ${maxGroups} groups: take fewer days, or group by less.`);
  }
  const sorted = [...groups.values()].toSorted((a, b) => compare(a.values, b.values));
  return {
    total: toSums(total),
    groups: sorted.map(({ values: of, all }): Group => ({
      ...Object.fromEntries(by.map((name, index) => [name, of[index] ?? null])),
      ...toSums(all),
    })),
    damagedCount,
  };
}

/** In the order of the fields; none comes first. */
function compare(a: (string | null)[], b: (string | null)[]): number {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at === -1 ? 0 : (a[at] ?? '') < (b[at] ?? '') ? -1 : 1;
}
