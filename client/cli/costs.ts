import type { Cost } from '../../shared/resources/costs.ts';
import type { Budget } from '../../shared/resources/budgets.ts';
import type { Dimension } from '../../shared/resources/costs/fields.ts';
import { app, dryRun, json, limit, type Call, type Command, type Group, type Option } from './command.ts';
import { pages, print, printJson, table, tell } from './screen.ts';
import { when } from './text.ts';

type Damaged = { id: string; damaged: { reason: string } };
const dimensions = ['day', 'provider', 'model', 'operation', 'session', 'feed'] as const;

const from: Option = { type: 'string', value: 'DAY', summary: 'from this day on, as 2026-01-31 (UTC)' };
const to: Option = { type: 'string', value: 'DAY', summary: 'to this day, which is included' };
const provider: Option = { type: 'string', value: 'NAME', summary: 'only those of this provider' };

/** What of an application is asked for. */
function asked(call: Call) {
  const [first, last, of] = [call.text('from'), call.text('to'), call.text('provider')];
  return {
    app: call.app(),
    ...(first !== undefined && { from: first }),
    ...(last !== undefined && { to: last }),
    ...(of !== undefined && { provider: of }),
  };
}

/** Dollars, with every digit that is not zero; at least cents. */
export function usd(nanoUsd: number | null): string {
  if (nanoUsd === null) return 'unknown';
  const digits = String(nanoUsd).padStart(10, '0');
  return `$${digits.slice(0, -9)}.${digits.slice(-9).replace(/0{1,7}$/, '')}`;
}

const summary: Command = {
  summary: 'what was spent, archived records included',
  options: {
    app,
    by: {
      type: 'string',
      value: 'WHAT',
      multiple: true,
      choices: dimensions,
      summary: 'told apart by; may be given again',
    },
    from,
    to,
    provider,
    json,
  },
  more: 'Days are those of UTC. What nobody knows the cost of is counted apart.',
  run: async (call) => {
    const by = call.texts('by') as Dimension[];
    const found = await call.client.costs.summary({ ...asked(call), by });
    const { total, groups, damagedCount } = found;
    if (call.json) await printJson({ ...asked(call), ...found });
    else if (total.records + damagedCount === 0) tell(`${call.app()} has no costs that fit.`);
    else {
      const line = (names: string[], sums: typeof total) => [
        ...names,
        String(sums.records),
        String(sums.unknown),
        String(sums.inputTokens),
        String(sums.outputTokens),
        usd(sums.knownNanoUsd),
      ];
      const header = [...by.map((name) => name.toUpperCase()), 'RECORDS', 'UNKNOWN', 'IN', 'OUT', 'COST'];
      const rows = groups.map((group) =>
        line(
          by.map((name) => group[name] ?? '-'),
          group,
        ),
      );
      await print(
        table(header, [
          ...rows,
          line(
            by.map((_, index) => (index === 0 ? 'total' : '')),
            total,
          ),
        ]),
      );
    }
    if (damagedCount > 0) tell(`Damaged sums that are left out: ${damagedCount}. Run 'holdfast doctor'.`);
    return 0;
  },
};

const list: Command = {
  summary: 'records of what was used, the newest first',
  options: {
    app,
    from,
    to,
    provider,
    archived: { type: 'boolean', summary: 'those that are archived, instead' },
    limit,
    json,
  },
  run: async (call) => {
    const own = { ...asked(call), archived: call.flag('archived') };
    const { items, more } = await pages(call.count('limit', 50), (page) => call.client.costs.list({ ...own, ...page }));
    if (call.json) await printJson({ app: own.app, costs: items, more });
    else if (items.length === 0) tell(`${own.app} has no ${own.archived ? 'archived ' : ''}costs that fit.`);
    else await print(table(['WHEN', 'COST', 'PROVIDER', 'MODEL', 'OPERATION', 'ID'], items.map(row)));
    if (more && !call.json) tell(`There are more: --limit ${items.length * 10} shows more of them.`);
    return 0;
  },
};

function row(item: Cost | Damaged): string[] {
  if ('damaged' in item) return ['-', 'damaged', '-', '-', '-', `${item.id}: ${item.damaged.reason}`];
  return [when(item.at), usd(item.costNanoUsd), item.provider, item.model, item.operation, item.usageId];
}

const clear: Command = {
  summary: 'archives records: lists leave them out, summaries still count them',
  options: { app, from, to, 'dry-run': dryRun, json },
  run: async (call) => {
    const own = asked(call);
    if (call.dryRun) {
      const { total } = await call.client.costs.summary(own);
      const archived = total.records - total.archived;
      if (call.json) await printJson({ ...own, dryRun: true, archived });
      tell(`Would archive records of ${own.app}: ${archived}. Nothing was changed.`);
      return 0;
    }
    let [archived, damagedCount] = [0, 0];
    for (let cursor: string | null | undefined; cursor !== null;) {
      const slice = await call.client.costs.clear({ ...own, ...(cursor !== undefined && { cursor }) });
      archived += slice.archived;
      damagedCount += slice.damagedCount;
      cursor = slice.nextCursor;
    }
    if (call.json) await printJson({ ...own, archived, damagedCount });
    else tell(`Records of ${own.app} that are archived now: ${archived}.`);
    if (damagedCount > 0) tell(`Damaged, and as they were: ${damagedCount}. Run 'holdfast doctor'.`);
    return 0;
  },
};

const budgets: Command = {
  summary: 'budgets, and what is spent of each in its period',
  options: { app, limit, json },
  run: async (call) => {
    const own = call.app();
    const { items, more } = await pages(call.count('limit', 50), (page) =>
      call.client.budgets.list({ app: own, ...page }),
    );
    if (call.json) await printJson({ app: own, budgets: items, more });
    else if (items.length === 0) tell(`${own} has no budgets.`);
    else await print(table(['NAME', 'PERIOD', 'PROVIDER', 'SPENT', 'LIMIT', ''], items.map(budgetRow)));
    if (more && !call.json) tell(`There are more: --limit ${items.length * 10} shows more of them.`);
    return 0;
  },
};

function budgetRow(item: Budget | Damaged): string[] {
  if ('damaged' in item) return [item.id, '-', '-', '-', 'damaged', item.damaged.reason];
  const unknown = item.unknown > 0 ? `${item.unknown} of unknown cost` : '';
  const notes = [item.exceeded ? 'exceeded' : '', unknown].filter(Boolean).join(', ');
  return [item.name, item.period, item.provider ?? 'all', usd(item.spentNanoUsd), usd(item.limitNanoUsd), notes];
}

export const costs: Group = {
  summary: 'what an application spends',
  asks: true,
  commands: { summary, list, clear, budgets },
};
