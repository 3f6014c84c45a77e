import { createHash } from 'node:crypto';
import { invalidField } from '../../../shared/errors.ts';
import { keyBytes } from './cipher.ts';

/** Crockford's base 32: no I, L, O, U, so that what is written by hand can be read. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const checkBytes = 3;
const groups = ((keyBytes + checkBytes) * 8) / 5 / 4;

const checkOf = (key: Buffer) =>
  createHash('sha256').update('holdfast recovery code\n').update(key).digest().subarray(0, checkBytes);

/** The root key as 14 groups of 4 characters, of which the last 24 bits check the others. */
export function toRecoveryCode(key: Buffer): string {
  const bits = Array.from(Buffer.concat([key, checkOf(key)]), (byte) => byte.toString(2).padStart(8, '0')).join('');
  const characters = (bits.match(/.{5}/g) ?? []).map((five) => alphabet[Number.parseInt(five, 2)]).join('');
  return (characters.match(/.{4}/g) ?? []).join('-');
}

/** Reads a code back, however it was grouped; 400 when it cannot be one, so that a typo is told from a wrong code. */
export function fromRecoveryCode(code: string): Buffer {
  const characters = code.toUpperCase().replaceAll(/[\s-]/g, '').replaceAll('O', '0').replaceAll(/[IL]/g, '1');
  if (Array.from(characters).some((character) => !alphabet.includes(character))) {
    throw invalidField('code', 'has a typo: it holds a character that is in no recovery code');
  }
  if (characters.length !== groups * 4) {
    throw invalidField('code', `has a typo: it has ${characters.length} characters, not ${groups} groups of 4`);
  }
  const bits = Array.from(characters, (one) => alphabet.indexOf(one).toString(2).padStart(5, '0')).join('');
  const bytes = Buffer.from((bits.match(/.{8}/g) ?? []).map((eight) => Number.parseInt(eight, 2)));
  const key = bytes.subarray(0, keyBytes);
  if (!checkOf(key).equals(bytes.subarray(keyBytes))) {
    throw invalidField('code', 'has a typo: its characters do not fit each other. Compare it with what you wrote down');
  }
  return key;
}
