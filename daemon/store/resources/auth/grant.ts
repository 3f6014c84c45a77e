import { HoldfastError } from '../../../../shared/errors.ts';
import { log } from '../../log.ts';
import { Damaged, revisionOf, type Context, type Tx } from '../../tx.ts';
import { credential, type CredentialRow } from './rows.ts';

/** The text that stands for a grant: the version that it is for, and the position of the change that gave it. */
export const grantToken = (context: Context, record: number, position: number) =>
  `${revisionOf(context, position)}.${record}`;

interface Granted extends CredentialRow {
  /** Position of the grant. */
  granted: number;
}

/** The version that a grant was for, which may be current no more; 409 `lease_expired` when there was no such grant. */
export async function readGrant(
  tx: Tx,
  context: Context,
  { app, profile, lease }: { app: string; profile: string; lease: string },
): Promise<Granted> {
  const [epoch, granted, record] = lease.split('.');
  const row = await tx.find(credential, { record: Number(record) }, profile);
  const position = Number(granted);
  const ours = epoch === context.epoch && row?.app === app && row.profile === profile;
  if (ours && (row.lease === position || (await wasGranted(tx, row, position)))) return { ...row, granted: position };
  throw new HoldfastError('lease_expired', `There is no such grant for '${profile}', or its credential is gone.`);
}

/** Whether the change at this position was a grant for the profile: its lease may be over or another's now. */
async function wasGranted(tx: Tx, { app, profile }: CredentialRow, position: number): Promise<boolean> {
  const [found] = await tx.select(log, 'WHERE position = ?', position);
  return (
    found !== undefined &&
    !(found instanceof Damaged) &&
    found.op === 'auth.refresh' &&
    found.app === app &&
    found.id === profile
  );
}
