import { HoldfastError, type Client } from '../../client/index.ts';
import type { Random } from './model-random.ts';
import { positionIn, type Grant, type Ledger } from './refresh-ledger.ts';
import { until } from './wait.ts';

/** Refusals that a caller among others must expect. */
const expected = new Set(['refreshing', 'refresh_failed', 'needs_login', 'not_found', 'lease_expired', 'unavailable']);

/** Answers undefined where the daemon refuses as it may. */
async function unlessRefused<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof HoldfastError && expected.has(error.code)) return undefined;
    throw error;
  }
}

/** A process that gets, uses, answers and forgets grants as it likes, and stores and removes credentials in between. */
export class RefreshActor {
  readonly #client: Client;
  readonly #ledger: Ledger;
  readonly #random: Random;
  readonly #clientIds: Record<string, string | undefined>;
  #grants: Grant[] = [];

  constructor(client: Client, ledger: Ledger, random: Random, clientIds: Record<string, string | undefined>) {
    this.#client = client;
    this.#ledger = ledger;
    this.#random = random;
    this.#clientIds = clientIds;
  }

  async step(): Promise<void> {
    const profile = this.#random.pick(Object.keys(this.#clientIds)) ?? '';
    const grant = this.#random.pick(this.#grants);
    const what = this.#random.weighted([
      ['ask', 8],
      ['put', 2],
      ['restore', 2],
      ['delete', 0.5],
      ...(grant
        ? ([
            ['exchange', 6],
            ['answer', 6],
            ['forget', 1],
            ['wait', 1],
          ] as const)
        : []),
    ] as [string, number][]);
    const isOfGrant = ['exchange', 'answer', 'forget', 'wait'].includes(what);
    this.#ledger.trace.push(`${what} ${isOfGrant && grant ? grant.lease : profile}`);
    if (what === 'ask') await this.#ask(profile);
    else if (what === 'put') await this.put(profile);
    else if (what === 'restore') await this.#restore(profile);
    else if (what === 'delete') await this.#remove(profile);
    else if (!grant) return;
    else if (what === 'exchange') {
      if (grant.tokens === undefined) this.#ledger.exchange(grant);
    } else if (what === 'wait') await until('its lease is over', () => Date.now() > grant.until);
    else {
      this.#grants = this.#grants.filter((one) => one !== grant);
      if (what === 'answer') await this.#answer(grant);
    }
  }

  async #ask(profile: string): Promise<void> {
    const kept = await unlessRefused(this.#client.auth.token({ profile }));
    const called = Date.now();
    const waitMs = this.#random.pick([0, 200, 800] as const);
    const leaseMs = 1000 + this.#random.upTo(500);
    const input = { profile, waitMs, leaseMs, ...(kept?.accessToken !== undefined && { rejected: kept.accessToken }) };
    const answer = await unlessRefused(this.#client.auth.refresh(input, { deadlineMs: waitMs + 1500 }));
    if (answer?.status !== 'granted') return;
    const { lease, refreshToken, leaseExpiresAt, previousAttempt } = answer;
    const grant = { profile, lease, refreshToken, called, arrived: Date.now(), until: Date.parse(leaseExpiresAt) };
    this.#ledger.granted(grant, previousAttempt);
    this.#grants.push(grant);
  }

  async #answer(grant: Grant): Promise<void> {
    const { profile, lease, tokens } = grant;
    if (!tokens) {
      const told = { profile, lease, reason: 'no', fatal: tokens === null && this.#random.chance(0.7) };
      await this.#ledger.ending(profile, unlessRefused(this.#client.auth.failRefresh(told)));
      return;
    }
    const call = this.#client.auth.commitRefresh({ profile, lease, ...tokens });
    const stored = await this.#ledger.ending(profile, unlessRefused(call));
    if (!stored) return this.#ledger.refused(grant);
    const { revision, version } = stored;
    this.#ledger.wrote({ op: 'commit', profile, position: positionIn(revision), version, tokens }, grant);
  }

  async put(profile: string): Promise<void> {
    const tokens = this.#ledger.login();
    const clientId = this.#clientIds[profile];
    const { revision, version } = await this.#client.auth.put({
      profile,
      kind: 'oauth',
      accessToken: tokens.accessToken,
      refreshToken: tokens.refreshToken,
      clientId,
    });
    this.#ledger.wrote({ op: 'put', profile, position: positionIn(revision), version, tokens });
  }

  async #restore(profile: string): Promise<void> {
    const known = await unlessRefused(this.#client.auth.versions({ profile }));
    const one = this.#random.pick(known?.items ?? []);
    if (!one) return;
    const restored = await unlessRefused(this.#client.auth.restore({ profile, version: one.version }));
    if (!restored) return;
    const { revision, version } = restored;
    this.#ledger.wrote({ op: 'restore', profile, position: positionIn(revision), version });
  }

  async #remove(profile: string): Promise<void> {
    const erase = this.#random.chance(0.2);
    const call = unlessRefused(this.#client.auth.delete({ profile, erase }));
    const removed = await (erase ? this.#ledger.ending(profile, call) : call);
    if (!removed) return;
    const position = positionIn(removed.revision);
    this.#ledger.wrote({ op: erase ? 'erase' : 'delete', profile, position, version: 0 });
  }
}
