import { HoldfastError } from '../../../shared/errors.ts';
import { Damaged, isoTime, type Context, type Tx } from '../tx.ts';
import { decrypt, encrypt, fingerprintOf } from './cipher.ts';
import { dataKey, Keyring, needRoot, neededRoot, wrapPlace } from './keyring.ts';

// Rotation of the root key, resumable at every step: (1) the new key is durable beside the old one, as root.key.next;
// (2) one transaction wraps every data key anew and names the new root; (3) root.key.next takes the old one's place. Before
// (2) the old file fits what the store needs, after it the new one does, and the keyring takes whichever fits.

/** Step 2. `next` is the new root key as base64url: it crosses threads in memory only. */
export async function rewrap(tx: Tx, { next }: { next: string }, context: Context): Promise<object> {
  if (!(context.keys instanceof Keyring)) throw new Error('a rotation without the keyring');
  const root = await context.keys.root(tx);
  const key = Buffer.from(next, 'base64url');
  for (const row of await tx.select(dataKey, 'ORDER BY id')) {
    const opened = row instanceof Damaged ? undefined : decrypt(root, wrapPlace(row), row.wrapped);
    // One that does not open is lost already; it must not hold up the others.
    if (row instanceof Damaged || !opened) continue;
    await tx.put(dataKey, { ...row, wrapped: encrypt(key, 0, wrapPlace(row), opened) });
  }
  await needRoot(tx, key);
  await tx.change({ kind: 'root-key', id: fingerprintOf(key) });
  return {};
}

/**
 * Names a key that `holdfast key init` or `restore` brings as the one that this store needs: if it needs none yet, or if it
 * opens a data key, whatever the fingerprint says, which may be what is damaged.
 */
export async function adopt(tx: Tx, { root }: { root: string }): Promise<object> {
  const key = Buffer.from(root, 'base64url');
  const [needed, given] = [await neededRoot(tx), fingerprintOf(key)];
  if (needed === given) return {};
  const rows = await tx.select(dataKey, 'ORDER BY id');
  const opens = rows.some((row) => !(row instanceof Damaged) && decrypt(key, wrapPlace(row), row.wrapped));
  if (needed !== undefined && !opens) {
    throw new HoldfastError(
      'key_wrong',
      `This is the root key ${given}, and the one that this store needs is ${needed}. After a rotation only the newest recovery code fits.`,
    );
  }
  await needRoot(tx, key);
  await tx.change({ kind: 'root-key', id: given });
  return {};
}

/** What the store knows of its keys. */
export async function describe(
  tx: Tx,
): Promise<{ needed: string | null; apps: { app: string; keyId: number; createdAt: string }[] }> {
  const rows = await tx.select(dataKey, 'ORDER BY app, id');
  return {
    needed: (await neededRoot(tx)) ?? null,
    apps: rows.flatMap((row) =>
      row instanceof Damaged ? [] : [{ app: row.app, keyId: row.id, createdAt: isoTime(row.created_at) }],
    ),
  };
}
