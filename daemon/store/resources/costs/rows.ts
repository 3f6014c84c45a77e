import type * as costs from '../../../../shared/resources/costs.ts';
import { isoTime, revisionOf, table, type Context, type Value } from '../../tx.ts';

export interface CostRow {
  /** Of the change that recorded it. */
  position: number;
  app: string;
  usage_id: string;
  provider: string;
  model: string;
  operation: string;
  session: string | null;
  feed: string | null;
  at: number;
  input_tokens: number;
  output_tokens: number;
  /** null: unknown. */
  nano_usd: number | null;
  archived: number;
  metadata: string;
}
export const cost = table<CostRow>(
  'cost',
  ['position'],
  [
    'app',
    'usage_id',
    'provider',
    'model',
    'operation',
    'session',
    'feed',
    'at',
    'input_tokens',
    'output_tokens',
    'nano_usd',
    'archived',
    'metadata',
  ],
);

export const toCost = (row: CostRow, context: Context): costs.Cost => ({
  usageId: row.usage_id,
  provider: row.provider,
  model: row.model,
  operation: row.operation,
  session: row.session,
  feed: row.feed,
  inputTokens: row.input_tokens,
  outputTokens: row.output_tokens,
  costNanoUsd: row.nano_usd,
  metadata: JSON.parse(row.metadata) as Record<string, unknown>,
  at: isoTime(row.at),
  archived: row.archived === 1,
  revision: revisionOf(context, row.position),
});

export const dayMs = 86_400_000;
/** Days since 1970 in UTC, as sums are kept. */
export const dayOf = (ms: number): number => Math.floor(ms / dayMs);
/** The day of a text, as '2026-01-31'. */
export const dayOfText = (text: string): number => dayOf(Date.parse(text));
export const dayText = (day: number): string => isoTime(day * dayMs).slice(0, 10);

interface Filters {
  app: string;
  from?: string | undefined;
  to?: string | undefined;
  provider?: string | undefined;
  model?: string | undefined;
  operation?: string | undefined;
  session?: string | undefined;
  feed?: string | undefined;
}

/** Conditions of what a caller asks for, and their parameters; days are for `time`, which holds so many a day. */
export function conditions(
  input: Filters,
  time: 'at' | 'day',
  perDay: number,
): { where: string[]; parameters: Value[] } {
  const { app, from, to } = input;
  const found: [condition: string, parameter: Value][] = [['app = ?', app]];
  if (from !== undefined) found.push([`${time} >= ?`, dayOfText(from) * perDay]);
  if (to !== undefined) found.push([`${time} < ?`, (dayOfText(to) + 1) * perDay]);
  for (const name of ['provider', 'model', 'operation', 'session', 'feed'] as const) {
    const value = input[name];
    if (value !== undefined) found.push([`${name} = ?`, value]);
  }
  return { where: found.map(([condition]) => condition), parameters: found.map(([, parameter]) => parameter) };
}
