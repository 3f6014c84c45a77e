import { randomBytes, scrypt } from 'node:crypto';
import { decrypt, encrypt, keyBytes } from './cipher.ts';

/** Cost of a guess (RFC 7914): 128 MiB of memory and about a quarter of a second. */
const cost = { N: 2 ** 17, r: 8, p: 1 };

/** How a root key is wrapped by a passphrase: salt, cost, and the key sealed by what scrypt makes of both. */
export interface Wrapped {
  salt: string;
  N: number;
  r: number;
  p: number;
  sealed: string;
}

const place = 'holdfast root key';

/** The key that a passphrase stands for; runs beside the event loop. */
export function stretch(passphrase: string, { salt, N, r, p }: Omit<Wrapped, 'sealed'>): Promise<Buffer> {
  const options = { N, r, p, maxmem: 256 * N * r };
  return new Promise((resolve, reject) =>
    scrypt(passphrase.normalize('NFC'), Buffer.from(salt, 'base64url'), keyBytes, options, (error, key) =>
      error ? reject(error) : resolve(key),
    ),
  );
}

export const newSalt = () => ({ salt: randomBytes(16).toString('base64url'), ...cost });
export const wrap = (stretched: Buffer, salted: Omit<Wrapped, 'sealed'>, key: Buffer): Wrapped => ({
  ...salted,
  sealed: encrypt(stretched, 0, place, key),
});
/** The root key; undefined when the passphrase was another one. */
export const unwrap = (stretched: Buffer, { sealed }: Wrapped): Buffer | undefined => decrypt(stretched, place, sealed);

/**
 * What a passphrase was stretched to, shared by all threads: set once it has been given, kept in memory only. The flag
 * is stored after the bytes, so whoever sees it sees them.
 */
export class Unlocked {
  readonly memory: SharedArrayBuffer;

  constructor(memory = new SharedArrayBuffer(4 + keyBytes)) {
    this.memory = memory;
  }

  get(): Buffer | undefined {
    if (Atomics.load(new Int32Array(this.memory, 0, 1), 0) === 0) return undefined;
    return Buffer.from(new Uint8Array(this.memory, 4).slice());
  }

  set(stretched: Buffer): void {
    new Uint8Array(this.memory, 4).set(stretched);
    Atomics.store(new Int32Array(this.memory, 0, 1), 0, 1);
  }
}
