import { branch, segmentsOf } from '../sessions/branches.ts';
import { session, sessionHead } from '../sessions/rows.ts';
import { Damaged, type Tx } from '../../tx.ts';

/** The session that shows a message; `damaged` when a row is that says so. */
export interface ShownBy {
  app: string;
  id: string;
  title: string | null;
  damaged?: string;
}
/** A session that shows a branch up to a seq. */
interface Shown {
  session: ShownBy;
  upTo: number;
}

/**
 * Tells which session shows a message, if any does: the one that wrote it, else a fork of that one. A deleted session
 * shows nothing, whatever the index still holds. Remembers what it found, for the length of one search.
 */
export class Visibility {
  readonly #tx: Tx;
  readonly #own = new Map<number, Shown | undefined>();
  readonly #forks = new Map<number, Shown | undefined>();

  constructor(tx: Tx) {
    this.#tx = tx;
  }

  async sessionOf(number: number, seq: number): Promise<ShownBy | undefined> {
    const own = await this.#cached(this.#own, number, () => this.#byOwner(number));
    if (own && seq <= own.upTo) return own.session;
    const fork = await this.#cached(this.#forks, number, () => this.#byFork(number));
    return fork && seq <= fork.upTo ? fork.session : undefined;
  }

  async #cached(map: Map<number, Shown | undefined>, key: number, find: () => Promise<Shown | undefined>) {
    if (!map.has(key)) map.set(key, await find());
    return map.get(key);
  }

  /** The session that wrote the branch, as far as its messages are still those. */
  async #byOwner(number: number): Promise<Shown | undefined> {
    const [row] = await this.#tx.select(branch, 'WHERE branch = ?', number);
    if (!row) return undefined;
    const { session_no: owner } = row instanceof Damaged ? row.row : row;
    const [about] = await this.#tx.select(session, 'WHERE session_no = ?', owner);
    if (!about) return undefined;
    const { app, id, title, deleted_at } = about instanceof Damaged ? about.row : about;
    if (deleted_at !== null) return undefined;
    const [head] = await this.#tx.select(sessionHead, 'WHERE session_no = ?', owner);
    if (row instanceof Damaged || about instanceof Damaged || head instanceof Damaged || !head) {
      // What it shows cannot be known: told, not left out.
      return {
        session: { app, id, title: null, damaged: `a row of its session is damaged or missing` },
        upTo: Infinity,
      };
    }
    const parts = await segmentsOf(this.#tx, head, 1, head.head);
    // A branch that nothing was added to shows what it shares all the same.
    const upTo = parts.find((each) => each.branch === number)?.to ?? (head.branch === number ? head.base : undefined);
    return upTo === undefined ? undefined : { session: { app, id, title }, upTo };
  }

  /** The fork that shows most of the branch. */
  async #byFork(number: number): Promise<Shown | undefined> {
    const rows = await this.#tx.query('SELECT branch, base FROM branch WHERE parent = ? ORDER BY base DESC', number);
    for (const [child, base] of rows) {
      const own = await this.#cached(this.#own, Number(child), () => this.#byOwner(Number(child)));
      const shown = own ?? (await this.#cached(this.#forks, Number(child), () => this.#byFork(Number(child))));
      if (shown) return { session: shown.session, upTo: Number(base) };
    }
    return undefined;
  }
}
