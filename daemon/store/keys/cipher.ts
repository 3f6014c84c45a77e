import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from 'node:crypto';

/** Bytes of a key, a nonce and a tag of AES-256-GCM (NIST SP 800-38D). */
export const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
const version = 1;
const headerBytes = 5;

/**
 * Seals a text: 1 byte version, 4 bytes key id, 12 bytes nonce, ciphertext, 16 bytes tag, as base64url. It opens only
 * with the same `place`, so that a sealed value cannot be moved to another record.
 */
export function encrypt(key: Buffer, keyId: number, place: string, text: string | Buffer): string {
  const header = Buffer.alloc(headerBytes);
  header.writeUInt8(version, 0);
  header.writeUInt32BE(keyId, 1);
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(place));
  return Buffer.concat([header, nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()]).toString('base64url');
}

/** What was sealed; undefined when key, place or a single bit is another one. */
export function decrypt(key: Buffer, place: string, sealed: string): Buffer | undefined {
  const bytes = Buffer.from(sealed, 'base64url');
  if (bytes.length < headerBytes + nonceBytes + tagBytes || bytes[0] !== version) return undefined;
  const nonce = bytes.subarray(headerBytes, headerBytes + nonceBytes);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  decipher.setAAD(Buffer.from(place)).setAuthTag(bytes.subarray(-tagBytes));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(headerBytes + nonceBytes, -tagBytes)), decipher.final()]);
  } catch {
    return undefined;
  }
}

/** The id of the key that sealed a value. */
export const keyIdOf = (sealed: string): number => {
  const bytes = Buffer.from(sealed.slice(0, 8), 'base64url');
  return bytes.length < headerBytes ? 0 : bytes.readUInt32BE(1);
};

/** Names a key and tells nothing of it. */
export const fingerprintOf = (key: Buffer): string =>
  createHash('sha256').update('holdfast root key\n').update(key).digest('hex').slice(0, 16);

/** A keyed digest: of a text with secrets, a plain one could be found by guessing. */
export const digestOf = (key: Buffer, text: string): string =>
  createHmac('sha256', createHmac('sha256', key).update('holdfast digest').digest())
    .update(text)
    .digest('base64url')
    .slice(0, 22);
