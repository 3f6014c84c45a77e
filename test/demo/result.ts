import type { Fleet } from './fleet.ts';
import type { Found, Kind } from './storage.ts';
import { sum, tally, type Tally } from './tally.ts';

/** What one load came to. */
export interface Result {
  kinds: Record<Kind, Tally>;
  all: Tally;
  corrupt: number;
  errors: string[];
  writesPerSecond: number;
  longestMs: number;
  cliKills: number;
  daemonKills: number;
}

export function toResult(fleet: Fleet, found: Found, elapsedMs: number, daemonKills: number): Result {
  const messages = tally(fleet.acknowledged.messages, found.messages);
  const feeds = tally(fleet.acknowledged.feeds, found.feeds);
  const all = sum(messages, feeds);
  return {
    kinds: { messages, feeds },
    all,
    corrupt: found.corrupt,
    errors: fleet.errors,
    writesPerSecond: (all.acknowledged / elapsedMs) * 1000,
    longestMs: fleet.longestMs,
    cliKills: fleet.kills,
    daemonKills,
  };
}

const first = (what: string, list: string[]) =>
  list.length > 0 ? [`${list.length} ${what}, the first: ${list[0] ?? ''}`] : [];

/** Why a result breaks holdfast's promises; empty when it keeps them. */
export function broken({ all, corrupt, errors }: Pick<Result, 'all' | 'corrupt' | 'errors'>): string[] {
  return [
    ...(all.acknowledged === 0 ? ['nothing was acknowledged'] : []),
    ...first('acknowledged writes lost', all.lost),
    ...first('writes stored twice', all.duplicated),
    ...(corrupt > 0 ? [`${corrupt} records damaged`] : []),
    ...first('errors reached an application', errors),
  ];
}
