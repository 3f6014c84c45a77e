import { HoldfastError, type Holder } from '../../../../shared/errors.ts';
import { isoTime, table, type Context, type Tx } from '../../tx.ts';
import { atRevision } from '../revisions.ts';
import { erased, findHead, isLeased, sessionHead, sessionNumber, type HeadRow } from './rows.ts';

/** Who holds the lease that a session's head names. */
export interface LeaseRow {
  session_no: number;
  owner: string;
  client: string | null;
  pid: number | null;
  since: number;
}
export const lease = table<LeaseRow>('lease', ['session_no'], ['owner', 'client', 'pid', 'since']);

export async function holderOf(tx: Tx, head: HeadRow): Promise<Holder | null> {
  const row = await tx.find(lease, { session_no: head.session_no }, `session ${head.session_no}`);
  if (!row) return null;
  const { owner, client, pid } = row;
  return { owner, since: isoTime(row.since), expiresAt: isoTime(head.lease_until), client, pid };
}

/**
 * The head of a session that a call may change. Invariant: of all the holders a session ever had, only the newest can
 * write; it can also after its time if nobody took over, for a laptop may have slept. Each write of it renews the lease.
 */
export async function forWriting(
  tx: Tx,
  input: { app: string; id: string; lease?: string | undefined },
  context: Context,
): Promise<HeadRow> {
  const head = await findHead(tx, await sessionNumber(tx, input.app, input.id), input.id);
  await admit(tx, head, input.id, input.lease, context);
  if (input.lease === undefined) return head;
  const renewed = { ...head, lease_until: context.at + head.lease_ttl };
  await tx.put(sessionHead, renewed);
  return renewed;
}

/** Refuses a write that lacks the lease or comes from an earlier holder. */
export async function admit(
  tx: Tx,
  head: HeadRow,
  id: string,
  token: string | undefined,
  context: Context,
): Promise<void> {
  const live = isLeased(head, context);
  if (token === undefined) {
    if (live) throw await leased(tx, head, id);
  } else if (head.lease === 0 || token !== context.tokenOf(head.lease)) {
    const holder = live ? await holderOf(tx, head) : null;
    const now = holder ? `'${holder.owner}' holds it now` : 'it was given up or taken over since';
    throw new HoldfastError('fenced', `This is not the newest lease of session '${id}': ${now}.`, {
      ...(holder && { holder }),
    });
  }
}

export async function leased(tx: Tx, head: HeadRow, id: string): Promise<HoldfastError> {
  const holder = await holderOf(tx, head);
  const who = holder ? `'${holder.owner}'${holder.pid === null ? '' : ` (pid ${holder.pid})`}` : 'Somebody';
  return new HoldfastError('leased', `${who} holds the lease of session '${id}' until ${isoTime(head.lease_until)}.`, {
    ...(holder && { holder }),
  });
}

/** Refuses a write whose revision is not the session's; an absent one has none. */
export const guardRevision = (head: HeadRow | undefined, expected: string | undefined, context: Context): void =>
  atRevision('session', head, expected, context);

/** Refuses to read on in a session that was erased meanwhile: its rows are being removed, and are not damaged. */
export async function guardErased(tx: Tx, { session_no }: HeadRow): Promise<void> {
  const sql = 'SELECT 1 FROM session WHERE session_no = ? AND (deleted_at IS NULL OR deleted_at <> ?)';
  const [kept] = await tx.query(sql, session_no, erased);
  if (!kept) throw new HoldfastError('not_found', 'The session was erased while it was read.');
}

/** Refuses a call that knows the session before its messages were changed: a seq then named another message. */
export function guardGeneration(head: HeadRow, expected: number | undefined): void {
  if (expected === undefined || expected === head.generation) return;
  throw new HoldfastError(
    'stale',
    `The session's messages were changed: it is at generation ${head.generation}, not ${expected}. Read it from the start.`,
    { current: head.head, generation: head.generation },
  );
}
