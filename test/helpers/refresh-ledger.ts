import { IssuerTokens } from './issuer-tokens.ts';

/** A grant as its holder knows it; times are those of the wall clock, which the daemon shares. */
export interface Grant {
  profile: string;
  lease: string;
  refreshToken: string;
  /** When it was asked for, when it arrived, and when it is over at the latest. */
  called: number;
  arrived: number;
  until: number;
  /** What the issuer gave for it; null: it refused. */
  tokens?: Tokens | null;
}
export interface Tokens {
  accessToken: string;
  refreshToken: string;
}

/** A write that was acknowledged. */
export interface Write {
  op: 'put' | 'commit' | 'restore' | 'delete' | 'erase';
  profile: string;
  position: number;
  version: number;
  tokens?: Tokens;
  /** Of a commit. */
  lease?: string;
}

interface State {
  versions: Map<number, Tokens>;
  current: number | undefined;
}

const [positionOf, recordOf] = [1, 2].map((part) => (lease: string) => Number(lease.split('.')[part])) as [
  (lease: string) => number,
  (lease: string) => number,
];
export const positionIn = (revision: string) => positionOf(revision);

/** All that was told to anybody, and whether it fits together. Knows the order of writes by their revisions. */
export class Ledger {
  readonly #issuer = new IssuerTokens();
  readonly #usedAt = new Map<string, number>();
  readonly #storedAt = new Map<string, number>();
  readonly #grants: Grant[] = [];
  readonly #writes: Write[] = [];
  readonly #refused: Grant[] = [];
  readonly #endings: { profile: string; from: number; to: number }[] = [];
  readonly flaws: string[] = [];
  readonly trace: string[] = [];
  readonly #clientIds: Record<string, string | undefined>;

  constructor(clientIds: Record<string, string | undefined>) {
    this.#clientIds = clientIds;
  }

  /** How much was checked: a run in which nothing happened proves nothing. */
  get counts() {
    return { grants: this.#grants.length, writes: this.#writes.length, refused: this.#refused.length };
  }

  login(): Tokens {
    return this.#issuer.issue(3_600_000);
  }

  granted(grant: Grant, previousAttempt: string | undefined): void {
    const { refreshToken, called, profile } = grant;
    const isBefore = (time: number | undefined) => time !== undefined && time < called;
    if (isBefore(this.#storedAt.get(refreshToken))) this.flaws.push(`${profile}: a grant of tokens that were replaced`);
    if (isBefore(this.#usedAt.get(refreshToken)) && previousAttempt === undefined) {
      this.flaws.push(`${profile}: a grant of a used refresh token that says nothing of an attempt before`);
    }
    this.#grants.push(grant);
  }

  /** The holder asks the issuer. */
  exchange(grant: Grant): void {
    const tokens = this.#issuer.refresh(grant.refreshToken, 3_600_000, false);
    grant.tokens = typeof tokens === 'string' ? null : tokens;
    if (grant.tokens) this.#usedAt.set(grant.refreshToken, Date.now());
  }

  /** Notes a call that may end grants of the profile. */
  async ending<T>(profile: string, call: Promise<T>): Promise<T> {
    const ending = { profile, from: Date.now(), to: Infinity };
    this.#endings.push(ending);
    return call.finally(() => (ending.to = Date.now()));
  }

  wrote(write: Write, grant?: Grant): void {
    this.#writes.push({ ...write, ...(grant && { lease: grant.lease }) });
    if (grant) this.#storedAt.set(grant.refreshToken, Date.now());
  }

  refused(grant: Grant): void {
    this.#refused.push(grant);
  }

  /** Two grants of one group at once, and commits that should have counted, or should not. */
  check(): string[] {
    // Grants of one client id may not meet, nor those of one version where there is none.
    const groups = Map.groupBy(
      this.#grants,
      ({ profile, lease }) => this.#clientIds[profile] ?? `${profile}, ${recordOf(lease)}`,
    );
    const met = [...groups].flatMap(([group, grants]) =>
      grants.flatMap((held) =>
        grants
          .filter((other) => other !== held && this.#holds(held, other))
          .map((other) => `${group}: grant ${other.lease} was given while ${held.lease} was out`),
      ),
    );
    const commits = this.#writes.filter(({ op }) => op === 'commit');
    const since = (lease: string, before: number) =>
      commits.some(
        (one) =>
          recordOf(one.lease ?? '') === recordOf(lease) && one.position > positionOf(lease) && one.position < before,
      );
    const late = commits
      .filter(({ lease = '', position }) => since(lease, position))
      .map(({ lease }) => `the commit of ${lease} was taken after a newer one`);
    const lost = this.#refused
      .filter(({ lease, profile }) => !since(lease, Infinity) && !this.#removed(profile, recordOf(lease)))
      .map(({ lease }) => `the commit of ${lease} was refused, and nothing newer was stored`);
    return [...this.flaws, ...met, ...late, ...lost];
  }

  /** Whether one was certainly out from before the other was asked for until that was given. */
  #holds(held: Grant, other: Grant): boolean {
    const ended = this.#endings.some(
      ({ profile, from, to }) => profile === held.profile && from <= other.arrived && to >= held.called,
    );
    const gone = this.#erased(held.profile, recordOf(held.lease), positionOf(other.lease));
    return !ended && !gone && held.arrived < other.called && other.arrived < held.until;
  }

  #later(profile: string, record: number, before: number) {
    return this.#writes.filter(
      (write) => write.profile === profile && write.position > record && write.position < before,
    );
  }

  /** Whether a version was removed for good; one with a grant is pushed out by nothing else. */
  #erased(profile: string, record: number, before = Infinity): boolean {
    return this.#later(profile, record, before).some(({ op }) => op === 'erase');
  }

  /** Whether a version may be gone: erased, or pushed out by five that were replaced later. */
  #removed(profile: string, record: number): boolean {
    const puts = this.#later(profile, record, Infinity).filter(({ op }) => op !== 'commit');
    return this.#erased(profile, record) || puts.length >= 5;
  }

  /** What is stored of a profile, after all that was acknowledged. */
  stateOf(profile: string): State {
    const state: State = { versions: new Map(), current: undefined };
    const writes = this.#writes.filter((write) => write.profile === profile);
    for (const { op, version, tokens } of writes.toSorted((a, b) => a.position - b.position)) {
      if (op === 'erase') state.versions.clear();
      if (tokens) state.versions.set(version, tokens);
      if (op !== 'commit') state.current = op === 'put' || op === 'restore' ? version : undefined;
    }
    return state;
  }
}
