import { randomBytes } from 'node:crypto';
import { HoldfastError } from '../../../shared/errors.ts';
import { readMeta, writeMeta } from '../meta.ts';
import { Damaged, table, type Keys, type Place, type Tx } from '../tx.ts';
import { decrypt, digestOf, encrypt, fingerprintOf, keyBytes, keyIdOf } from './cipher.ts';
import type { Found, RootKeyFile } from './root-key.ts';

/** The key that seals what one application keeps, wrapped by the root key. */
export interface DataKeyRow {
  id: number;
  app: string;
  created_at: number;
  wrapped: string;
}
export const dataKey = table<DataKeyRow>('data_key', ['id'], ['app', 'created_at', 'wrapped']);

/** Name in `meta` of the fingerprint of the root key that this store needs. */
const rootName = 'root_key';
/** Stands for the fingerprint where the row that holds it is damaged: no key fits until one is restored. */
const unknownRoot = 'unknown, for the row that says it is damaged';

/** The fingerprint of the root key that this store needs; undefined before the first secret. */
export async function neededRoot(tx: Tx): Promise<string | undefined> {
  try {
    return await readMeta(tx, rootName);
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'damaged') return unknownRoot;
    throw error;
  }
}
export const needRoot = (tx: Tx, key: Buffer) => writeMeta(tx, rootName, fingerprintOf(key));

const placeOf = ({ app, kind, record, field }: Place) => JSON.stringify([app, kind, record, field]);
export const wrapPlace = ({ id, app }: Pick<DataKeyRow, 'id' | 'app'>) =>
  JSON.stringify(['holdfast data key', id, app]);

/** The key in place, judged by the fingerprint that the store needs; of a rotation that was cut off, the new one. */
export function findRoot(file: RootKeyFile, needed: string | undefined): Found {
  const found = file.read();
  if (needed === undefined || found.fingerprint === needed) return found;
  const next = file.read(file.nextPath);
  if (next.fingerprint === needed) return next;
  // Another thread may have put it in place between the two looks.
  const settled = file.read();
  if (settled.fingerprint === needed) return settled;
  if ('fault' in found && found.fingerprint === undefined) return found;
  const detail = `${file.path} is the key ${found.fingerprint}, and this store needs ${needed}. Put that one back, or run 'holdfast key restore'.`;
  return { fault: 'key_wrong', detail };
}

/**
 * The keys, for one call. Invariant: a root key is made only while the store needs none, and is durable before the
 * first value that depends on it is; what is kept here ends with the call, so no rollback leaves a key that is not stored.
 */
export class Keyring implements Keys {
  readonly #file: RootKeyFile;
  readonly #opened = new Map<number, Buffer>();
  #root: Buffer | undefined;

  constructor(file: RootKeyFile) {
    this.#file = file;
  }

  async seal(tx: Tx, place: Place, text: string): Promise<string> {
    const { id, key } = (await this.#newest(tx, place.app)) ?? (await this.#create(tx, place.app));
    return encrypt(key, id, placeOf(place), text);
  }

  async open(tx: Tx, place: Place, sealed: string): Promise<string | undefined> {
    const key = await this.#dataKey(tx, keyIdOf(sealed), place.app);
    return key && decrypt(key, placeOf(place), sealed)?.toString();
  }

  async digest(tx: Tx, app: string, text: string): Promise<string | undefined> {
    const newest = await this.#newest(tx, app);
    return newest && digestOf(newest.key, text);
  }

  /** The root key that this store needs; throws what is wrong with it. */
  async root(tx: Tx): Promise<Buffer> {
    return (this.#root ??= keyOf(findRoot(this.#file, await neededRoot(tx))));
  }

  /** Undefined when there is none, or the newest is damaged: what it sealed is lost, and must not stop what comes. */
  async #newest(tx: Tx, app: string): Promise<{ id: number; key: Buffer } | undefined> {
    const [row] = await tx.query('SELECT max(id) FROM data_key WHERE app = ?', app);
    const id = Number(row?.[0] ?? 0);
    if (id === 0) return undefined;
    const key = await this.#dataKey(tx, id, app);
    return key && { id, key };
  }

  /** Undefined when there is no such key, or it does not open. */
  async #dataKey(tx: Tx, id: number, app: string): Promise<Buffer | undefined> {
    const known = this.#opened.get(id);
    if (known) return known;
    const root = await this.root(tx);
    const [row] = await tx.select(dataKey, 'WHERE id = ? AND app = ?', id, app);
    const key = row && !(row instanceof Damaged) ? decrypt(root, wrapPlace(row), row.wrapped) : undefined;
    if (key) this.#opened.set(id, key);
    return key;
  }

  async #create(tx: Tx, app: string): Promise<{ id: number; key: Buffer }> {
    if ((await neededRoot(tx)) === undefined) await this.#createRoot(tx);
    const root = await this.root(tx);
    const [last] = await tx.query('SELECT max(id) FROM data_key');
    const id = Number(last?.[0] ?? 0) + 1;
    const key = randomBytes(keyBytes);
    await tx.insert(dataKey, {
      id,
      app,
      created_at: Date.now(),
      wrapped: encrypt(root, 0, wrapPlace({ id, app }), key),
    });
    this.#opened.set(id, key);
    return { id, key };
  }

  /** The first secret of the store. A key file that is there already is taken over, or refused, never replaced. */
  async #createRoot(tx: Tx): Promise<void> {
    const found = this.#file.read();
    if ('fault' in found && found.fault === 'key_missing') createFile(this.#file, randomBytes(keyBytes));
    await needRoot(tx, keyOf(this.#file.read()));
  }
}

/** Makes the key file; throws what a person can mend. */
export function createFile(file: RootKeyFile, key: Buffer, wrapped?: Parameters<RootKeyFile['create']>[1]): boolean {
  return storing(() => file.create(key, wrapped));
}

/** Writes a key file; throws what a person can mend. */
export function storing<T>(write: () => T): T {
  try {
    return write();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT') {
      throw new HoldfastError('storage_full', `The root key cannot be stored: ${message}.`, {}, { cause: error });
    }
    throw new HoldfastError('key_unreadable', `The root key cannot be stored: ${message}.`, {}, { cause: error });
  }
}

/** The key that was found; throws what is wrong instead. */
export function keyOf(found: Found): Buffer {
  if ('fault' in found) throw new HoldfastError(found.fault, found.detail);
  return found.key;
}
