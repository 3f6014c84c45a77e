import type { InputOf } from '../../../shared/operation.ts';
import type * as leases from '../../../shared/resources/leases.ts';
import { Damaged, isoTime, type Context, type Tx } from '../tx.ts';
import { admit, lease, leased } from './sessions/guards.ts';
import { findHead, isLeased, present, sessionHead, sessionNumber } from './sessions/rows.ts';

/** Length of a lease whose caller names none, in milliseconds. */
const usualTtl = 60_000;

/**
 * Gives the lease of a session, with a token that no earlier lease had, or renews it. It is no change of the session,
 * whose revision stays.
 */
export async function acquire(tx: Tx, input: InputOf<typeof leases.acquire>, context: Context) {
  const head = await findHead(tx, await sessionNumber(tx, input.app, input.id), input.id);
  const ttl = input.ttlMs ?? usualTtl;
  const until = context.at + ttl;
  if (input.token !== undefined && input.force !== true) {
    await admit(tx, head, input.id, input.token, context);
    const row = present(await tx.find(lease, { session_no: head.session_no }, input.id), input.id);
    // Whoever is refused next must find the process that holds it now.
    const renewed = { ...row, owner: input.owner, client: context.client, pid: context.pid };
    if ((['owner', 'client', 'pid'] as const).some((name) => row[name] !== renewed[name])) await tx.put(lease, renewed);
    await tx.put(sessionHead, { ...head, lease_ttl: ttl, lease_until: until });
    return toLease(renewed.since, head.lease);
  }
  if (isLeased(head, context) && input.force !== true) throw await leased(tx, head, input.id);
  const position = await tx.change({ kind: 'lease', id: input.id });
  const [previous] = await tx.select(lease, 'WHERE session_no = ?', head.session_no);
  // Who it was taken from, by force or after its time.
  if (previous && !(previous instanceof Damaged)) await tx.keep(position, 'lease', input.id, previous);
  const { client, pid } = context;
  await tx.put(lease, { session_no: head.session_no, owner: input.owner, client, pid, since: context.at });
  await tx.put(sessionHead, { ...head, lease: position, lease_ttl: ttl, lease_until: until });
  return toLease(context.at, position);

  function toLease(since: number, granted: number) {
    const token = context.tokenOf(granted);
    return { token, owner: input.owner, since: isoTime(since), expiresAt: isoTime(until) };
  }
}

/** Ends a lease: no token is good until somebody takes the next one. */
export async function release(tx: Tx, input: InputOf<typeof leases.release>, context: Context) {
  const head = await findHead(tx, await sessionNumber(tx, input.app, input.id), input.id);
  await admit(tx, head, input.id, input.token, context);
  await tx.change({ kind: 'lease', id: input.id });
  await tx.put(sessionHead, { ...head, lease: 0, lease_until: 0 });
  await tx.delete(lease, { session_no: head.session_no });
  return { id: input.id };
}
