import type { Agents, LoginTally } from './agents.ts';
import type { Fleet } from './fleet.ts';
import type { Found, Kind } from './storage.ts';
import { sum, tally, type Tally } from './tally.ts';

/** What one load came to. */
export interface Result {
  kinds: Record<Kind, Tally>;
  all: Tally;
  login: LoginTally;
  corrupt: number;
  errors: string[];
  writesPerSecond: number;
  longestMs: number;
  cliKills: number;
  daemonKills: number;
}

export function toResult(fleet: Fleet, agents: Agents, found: Found, elapsedMs: number, daemonKills: number): Result {
  const messages = tally(fleet.acknowledged.messages, found.messages);
  const feeds = tally(fleet.acknowledged.feeds, found.feeds);
  const all = sum(messages, feeds);
  return {
    kinds: { messages, feeds },
    all,
    login: agents.tally,
    corrupt: found.corrupt,
    errors: [...fleet.errors, ...agents.errors],
    writesPerSecond: (all.acknowledged / elapsedMs) * 1000,
    longestMs: fleet.longestMs,
    cliKills: fleet.kills,
    daemonKills,
  };
}

const first = (what: string, list: string[]) =>
  list.length > 0 ? [`${list.length} ${what}, the first: ${list[0] ?? ''}`] : [];

/** Why a result breaks holdfast's promises; empty when it keeps them. */
export function broken({ all, login, corrupt, errors }: Result): string[] {
  return [
    ...(all.acknowledged === 0 ? ['nothing was acknowledged'] : []),
    ...first('acknowledged writes lost', all.lost),
    ...first('writes stored twice', all.duplicated),
    ...(login.refreshes === 0 ? ['the login was never refreshed'] : []),
    ...(login.reused > 0 ? [`a spent refresh token was used, ${login.reused} times`] : []),
    ...(login.loggedOut > 0 ? [`${login.loggedOut} processes logged out`] : []),
    ...(corrupt > 0 ? [`${corrupt} records damaged`] : []),
    ...first('errors reached an application', errors),
  ];
}
