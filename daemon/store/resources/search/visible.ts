import type { Tx } from '../../tx.ts';
import { branch, segmentsOf } from '../sessions/branches.ts';
import { session, sessionHead } from '../sessions/rows.ts';
import { Damaged } from '../../tx.ts';

/** A session that shows a branch up to a seq. */
interface Shown {
  session: { no: number; id: string; title: string | null };
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

  async sessionOf(number: number, seq: number): Promise<Shown['session'] | undefined> {
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
    if (!row || row instanceof Damaged) return undefined;
    const [about] = await this.#tx.select(session, 'WHERE session_no = ?', row.session_no);
    const [head] = await this.#tx.select(sessionHead, 'WHERE session_no = ?', row.session_no);
    if (!about || !head || about instanceof Damaged || head instanceof Damaged || about.deleted_at !== null)
      return undefined;
    const parts = await segmentsOf(this.#tx, head, 1, head.head);
    const part = parts.find((each) => each.branch === number);
    return part && { session: { no: about.session_no, id: about.id, title: about.title }, upTo: part.to };
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
