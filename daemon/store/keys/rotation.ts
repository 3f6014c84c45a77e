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
    if (row instanceof Damaged || !opened) {
      const { app } = row instanceof Damaged ? row.row : row;
      throw new HoldfastError(
        'damaged',
        `The data key of '${app}' is damaged, so it cannot be wrapped anew; nothing changed.`,
      );
    }
    await tx.put(dataKey, { ...row, wrapped: encrypt(key, 0, wrapPlace(row), opened) });
  }
  await needRoot(tx, key);
  await tx.change({ kind: 'root-key', id: fingerprintOf(key) });
  return {};
}

/** Names the key that `holdfast key init` or `restore` made as the one that this store needs, if it needs none yet. */
export async function adopt(tx: Tx, { root }: { root: string }, context: Context): Promise<object> {
  const key = Buffer.from(root, 'base64url');
  const needed = await neededRoot(tx);
  if (needed === undefined) {
    await needRoot(tx, key);
    await tx.change({ kind: 'root-key', id: fingerprintOf(key) });
  } else if (needed !== fingerprintOf(key)) {
    throw new HoldfastError(
      'key_wrong',
      `This store needs the root key ${needed}, not ${fingerprintOf(key)} (${context.op}).`,
    );
  }
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
