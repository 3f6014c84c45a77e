import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { openModes, searchTree, traces } from '../helpers/marker.ts';

// It has what JSON, percent and Base64 write in their own way, so that no two forms of it are the same.
const secret = String.raw`q~?>/é\"k*7 W?>~?>öZ~4/x|u~?>/\"ü?>~? é/~?>R"\y~`;
/** As long, and like it in nothing that matters. */
const other = String.raw`L>~?/ö\"m*3 B~?>?>äT>8\t|j?~>\"/ö~?>~ ö\>~?Q"/w>`;

const utf8 = Buffer.from(secret);
/** Bytes that are neither printable nor 0, so that they can belong to no form. */
const noise = (length: number) => Buffer.from(randomBytes(length).map((byte) => 0x80 | (byte & 0x1f)));
const embedded = (bytes: Buffer | string) => Buffer.concat([noise(301), Buffer.from(bytes), noise(77)]);
const everyByte = (write: (byte: number) => string) => [...utf8].map(write).join('');
const padded = (byte: number) => byte.toString(16).padStart(2, '0');

const forms: [form: string, bytes: Buffer | string][] = [
  ['raw', secret],
  ['UTF-16 LE', Buffer.from(secret, 'utf16le')],
  ['UTF-16 BE', Buffer.from(secret.split('').flatMap((unit) => [unit.charCodeAt(0) >> 8, unit.charCodeAt(0) & 0xff]))],
  ['hex', everyByte(padded)],
  ['upper-case hex', everyByte((byte) => padded(byte).toUpperCase())],
  ['hex of a printed Buffer', everyByte((byte) => ` ${padded(byte)}`)],
  ['numbers of a Buffer in JSON', JSON.stringify(utf8)],
  ['percent', `https://x.example/?token=${encodeURIComponent(secret)}&x=1`],
  ['lower-case percent', encodeURIComponent(secret).replaceAll(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase())],
  [
    'lower-case form',
    new URLSearchParams([['a', secret]]).toString().replaceAll(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase()),
  ],
  ['form', new URLSearchParams({ a: 'b', refresh_token: secret, c: 'd' }).toString()],
  ['percent throughout', everyByte((byte) => `%${padded(byte).toUpperCase()}`)],
  ['lower-case percent throughout', everyByte((byte) => `%${padded(byte)}`)],
  ['JSON', JSON.stringify({ a: [secret] })],
  ['JSON with \\/', JSON.stringify(secret).replaceAll('/', String.raw`\/`)],
  [
    'JSON in ASCII',
    JSON.stringify(secret).replaceAll('é', '\\u00e9').replaceAll('ö', '\\u00f6').replaceAll('ü', '\\u00fc'),
  ],
  ['JSON in JSON', JSON.stringify({ log: JSON.stringify({ a: secret }) })],
];

/** Base64 of the secret behind `before` bytes and ahead of `after`, with neighbours that change its ends. */
const inBase64 = (before: number, after: number, encoding: BufferEncoding, text = utf8) =>
  Buffer.concat([noise(before), text, noise(after)]).toString(encoding);

describe('traces', () => {
  it.each(forms)('finds the secret as %s', (form, bytes) => {
    const found = traces(secret, embedded(bytes));
    expect(found).toContain(form);
    // UTF-16 beside zero bytes is the same in both orders but for its ends.
    expect(found.filter((one) => one !== form && !one.startsWith('UTF-16'))).toEqual([]);
    expect(traces(other, embedded(bytes))).toEqual([]);
  });

  it.each([0, 1, 2, 3, 4, 5, 301].flatMap((before) => [0, 1, 2].map((after) => [before, after] as const)))(
    'finds it in Base64 behind %i bytes and ahead of %i',
    (before, after) => {
      for (const encoding of ['base64', 'base64url'] as const) {
        const text = inBase64(before, after, encoding);
        expect(traces(secret, embedded(text))).toEqual([`${encoding} at ${before % 3}`]);
        expect(traces(secret, text)).toEqual([`${encoding} at ${before % 3}`]);
        expect(traces(other, text)).toEqual([]);
      }
    },
  );

  it('has a secret for these tests whose forms all differ', () => {
    expect(other).toHaveLength(secret.length);
    for (const before of [0, 1, 2]) expect(inBase64(before, 0, 'base64')).toMatch(/[+/]/);
    expect(traces(other, embedded(other))).toEqual(['raw']);
  });

  it.each([...forms, ...[0, 1, 2].map((n): [string, string] => [`base64 at ${n}`, inBase64(n, 0, 'base64')])])(
    'finds it as %s, cut in two anywhere',
    (form, bytes) => {
      const all = Buffer.from(bytes);
      for (let cut = 0; cut < all.length; cut++) {
        const apart = Buffer.concat([all.subarray(0, cut), noise(24), all.subarray(cut)]);
        const found = traces(secret, apart);
        expect(found.some((one) => one.startsWith(form))).toBe(true);
        expect(traces(other, apart)).toEqual([]);
      }
    },
  );

  it('finds a long secret in the pages of a database, however it is written', () => {
    const long = randomBytes(12_288).toString('base64');
    const page = 4096;
    for (const bytes of [
      Buffer.from(long),
      Buffer.from(long, 'utf16le'),
      Buffer.from(Buffer.from(long).toString('hex')),
    ]) {
      for (let start = 0; start + page <= bytes.length; start += 1021) {
        const found = traces(long, embedded(bytes.subarray(start, start + page)));
        expect(found.filter((one) => one.endsWith(', in part'))).toHaveLength(found.length);
        expect(found).not.toEqual([]);
      }
    }
  });

  it('finds what Node prints of a secret in a buffer', () => {
    expect(traces(secret, inspect({ key: utf8 }))).toEqual(['hex of a printed Buffer, in part']);
    expect(traces(other, inspect({ key: utf8 }))).toEqual([]);
  });

  it('takes text, and a part of a buffer as that part only', () => {
    expect(traces(secret, `a ${secret} b`)).toEqual(['raw']);
    const large = embedded(secret);
    expect(traces(secret, large.subarray(0, 301))).toEqual([]);
    expect(traces(secret, new Uint8Array(large.buffer, large.byteOffset, large.length))).toEqual(['raw']);
  });

  it('finds nothing in nothing, and takes no secret that could stand somewhere by chance', () => {
    expect(traces(secret, '')).toEqual([]);
    expect(() => traces('short', 'a short text')).toThrow(/40 characters/);
  });
});

/** A folder that is gone when the test is over. */
function scratch() {
  const path = mkdtempSync(join(tmpdir(), 'holdfast-marker-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

describe('searchTree', () => {
  it('names every file and the form, in folders too, and says what it read', () => {
    using folder = scratch();
    mkdirSync(join(folder.path, 'a', 'b'), { recursive: true });
    writeFileSync(join(folder.path, 'a', 'b', 'store.db-wal'), embedded(secret));
    writeFileSync(join(folder.path, '.hidden'), inBase64(1, 2, 'base64url'));
    writeFileSync(join(folder.path, 'clean'), embedded(other));
    writeFileSync(join(folder.path, 'empty'), '');
    const { found, files, bytes } = searchTree(folder.path, secret);
    expect(found).toEqual(['.hidden: base64url at 1', 'a/b/store.db-wal: raw']);
    expect(files).toBe(4);
    expect(bytes).toBe(embedded(secret).length + inBase64(1, 2, 'base64url').length + embedded(other).length);
    expect(searchTree(folder.path, randomBytes(48).toString('base64'))).toEqual({ found: [], files, bytes });
  });

  it('reads names, and does not follow links', () => {
    using folder = scratch();
    using outside = scratch();
    const name = 'token-0123456789-abcdefghijklmnopqrstuvwxyz-98';
    writeFileSync(join(outside.path, 'file'), name);
    symlinkSync(outside.path, join(folder.path, 'link'));
    symlinkSync(join(outside.path, 'file'), join(folder.path, 'link-to-file'));
    expect(searchTree(folder.path, name)).toEqual({ found: [], files: 0, bytes: 0 });
    mkdirSync(join(folder.path, `of ${name}`));
    expect(searchTree(folder.path, name).found).toEqual([`name of of ${name}: raw`]);
  });

  it('does not take a folder that is not there', () => {
    using folder = scratch();
    expect(() => searchTree(join(folder.path, 'gone'), secret)).toThrow(/ENOENT/);
    expect(() => openModes(join(folder.path, 'gone'))).toThrow(/ENOENT/);
  });
});

describe('openModes', () => {
  it('names files, directories and sockets that others may access, and nothing else', async () => {
    using folder = scratch();
    const at = (name: string) => join(folder.path, name);
    mkdirSync(at('open/inner'), { recursive: true });
    mkdirSync(at('shut'));
    const modes = { open: 0o2750, 'open/inner': 0o700, shut: 0o700, a: 0o600, b: 0o640, c: 0o604, d: 0o610, e: 0o4700 };
    for (const name of ['a', 'b', 'c', 'd', 'e', 'open/inner/f']) writeFileSync(at(name), '');
    for (const [name, mode] of Object.entries({ ...modes, 'open/inner/f': 0o602 })) chmodSync(at(name), mode);
    symlinkSync(at('a'), at('link'));
    const server = createServer().listen(at('socket'));
    await once(server, 'listening');
    chmodSync(at('socket'), 0o660);
    const expected = ['b: 0640', 'c: 0604', 'd: 0610', 'open: 2750', 'open/inner/f: 0602'];
    expect(openModes(folder.path)).toEqual([...expected, 'socket: 0660']);
    chmodSync(at('socket'), 0o600);
    expect(openModes(folder.path)).toEqual(expected);
    server.close();
    await once(server, 'close');
  });
});
