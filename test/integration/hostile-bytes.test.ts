import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { whileHealthy } from '../helpers/healthy.ts';
import { exchange } from '../helpers/raw.ts';
import { refusal, refused } from '../helpers/refusal.ts';
import { talk } from '../helpers/talk.ts';

const host = 'host: localhost\r\n';
const json = 'content-type: application/json\r\n';
const closing = 'connection: close\r\n';
const post = `POST /v1/apps/test/sessions HTTP/1.1\r\n${host}${json}`;
const bodyOf = (id: string) => `{"id":"${id}"}`;
/** A whole request, which must never be taken out of the middle of another one. */
const smuggled = `${post}content-length: 17\r\n\r\n${bodyOf('smuggled')}`;
const chunked = `${post}transfer-encoding: chunked\r\n`;

// Each is one message to one reader and two to another (RFC 9112, section 11.2), so it is refused and the connection ends.
const ambiguous: [string, string][] = [
  ['two lengths', `${post}content-length: 0\r\ncontent-length: 17\r\n\r\n${smuggled}`],
  ['the same length twice', `${post}content-length: 2\r\ncontent-length: 2\r\n\r\n{}${smuggled}`],
  ['a list of lengths', `${post}content-length: 0, 17\r\n\r\n${smuggled}`],
  ['a length and chunks', `${chunked}content-length: 5\r\n\r\n0\r\n\r\n${smuggled}`],
  ['chunks and a length', `${post}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`],
  ...['-1', '+2', '0x2', '2e0', '2 2', '', '1.0', '99999999999999999999', '18446744073709551618'].map(
    (length): [string, string] => [`the length ${length}`, `${post}content-length: ${length}\r\n\r\n{}${smuggled}`],
  ),
  ...['identity', 'chunked, identity', 'xchunked', 'chunked, chunked', '"chunked"', 'gzip, chunked, x'].map(
    (coding): [string, string] => [
      `the coding ${coding}`,
      `${post}transfer-encoding: ${coding}\r\n\r\n0\r\n\r\n${smuggled}`,
    ],
  ),
  ...['-1', '0x1', 'g', '', ' 1', '1 ', 'ffffffffffffffff0', '1;\nx'].map((size): [string, string] => [
    `a chunk of size ${JSON.stringify(size)}`,
    `${chunked}\r\n${size}\r\n{}\r\n0\r\n\r\n${smuggled}`,
  ]),
  ['a chunk that is longer than it says', `${chunked}\r\n1\r\n{}\r\n0\r\n\r\n${smuggled}`],
  ['lines that end in LF alone', `${post.replaceAll('\r\n', '\n')}content-length: 0\n\n${smuggled}`],
  ['a header that ends in LF alone', `${post}x: y\ncontent-length: 0\r\n\r\n${smuggled}`],
  ['a header that ends in CR alone', `${post}x: y\rcontent-length: 0\r\n\r\n${smuggled}`],
  ['a folded header', `${post}x: y\r\n transfer-encoding: chunked\r\n\r\n${smuggled}`],
  ['a folded coding', `${post}transfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n${smuggled}`],
  ['a space before the colon', `${post}content-length : 0\r\n\r\n${smuggled}`],
  ['NUL in a header', `${post}x: a\0b\r\ncontent-length: 0\r\n\r\n${smuggled}`],
  ['a header without a name', `${post}: x\r\ncontent-length: 0\r\n\r\n${smuggled}`],
  ['a line before the headers', `POST / HTTP/1.1\r\n ${host}\r\n${smuggled}`],
  ['no version', `GET /v1/health\r\n\r\n${smuggled}`],
  ['another version', `GET /v1/health HTTP/3.0\r\n${host}\r\n${smuggled}`],
  ['the preface of HTTP/2', `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${smuggled}`],
  ['TLS', `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n${smuggled}`],
];

describe('bytes that are no request, or not one', () => {
  let home: TestHome;
  let daemon: DaemonProcess;
  let client: Client;
  let socket: string;
  beforeAll(async () => {
    home = new TestHome();
    daemon = await home.start();
    client = home.client();
    socket = home.paths.socket;
  });
  afterAll(() => home[Symbol.asyncDispose]());

  it.each(ambiguous)('%s: 400, and what follows is not read', async (_, text) => {
    const { statuses } = await talk(socket, [text]);
    expect(statuses).toEqual([400]);
    expect(await refusal(client.sessions.get({ id: 'smuggled' }))).toMatchObject({ code: 'not_found' });
  });

  it('a request in the body of another is its body', async () => {
    const lengths = [`content-length: ${smuggled.length}\r\n\r\n${smuggled}`];
    lengths.push(`transfer-encoding: chunked\r\n\r\n${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`);
    for (const length of lengths) {
      expect((await talk(socket, [post, closing, length])).statuses).toEqual([400]);
      expect(await refusal(client.sessions.get({ id: 'smuggled' }))).toMatchObject({ code: 'not_found' });
    }
  });

  it('the same request where it belongs is taken: red control', async () => {
    const one = `${post}transfer-encoding: chunked\r\n\r\nc\r\n${bodyOf('one')}\r\n0\r\n\r\n`;
    const last = `GET /v1/version HTTP/1.1\r\n${host}${closing}\r\n`;
    expect((await talk(socket, [one, smuggled, last])).statuses).toEqual([201, 201, 200]);
    expect(await client.sessions.get({ id: 'smuggled' })).toMatchObject({ id: 'smuggled' });
  });

  it('two thousand requests at once on one connection: all answered, in order', async () => {
    const numbers = Array.from({ length: 2000 }, (_, n) => n);
    const requests = numbers.map(
      (n) => `GET /v1/apps/test/feeds/n${n} HTTP/1.1\r\n${host}${n === 1999 ? closing : ''}\r\n`,
    );
    const { statuses, text } = await whileHealthy(socket, () => talk(socket, [requests.join('')]));
    expect(statuses).toEqual(numbers.map(() => 404));
    expect(Array.from(text.matchAll(/'n(\d+)'/g), ([, n]) => Number(n))).toEqual(numbers);
  });

  it('garbage is refused or cut off', async () => {
    const begun = `POST /v1/apps/test/sessions HTTP/1.1\r\n${host}`;
    const heads = fc.constantFrom('', begun, `${begun}${json}transfer-encoding: chunked\r\n\r\n`);
    const bytes = fc.tuple(heads, fc.uint8Array({ maxLength: 300 }));
    const property = fc.asyncProperty(fc.array(bytes, { minLength: 20, maxLength: 20 }), async (all) => {
      const answers = await Promise.all(all.map((parts) => talk(socket, parts, { leave: true })));
      const wrong = answers.flatMap(({ statuses }) => statuses.filter((status) => status < 400 || status >= 500));
      expect(wrong).toEqual([]);
    });
    await whileHealthy(socket, () => fc.assert(property, { numRuns: 20 }));
  });

  const mebibyte = 1024 * 1024;
  // One that says so is refused before it is read: see limits.test.ts.
  it.each([
    ['in one chunk', `${chunked}\r\n${(100 * mebibyte).toString(16)}\r\n`, (piece: string) => piece],
    ['in many chunks', `${chunked}\r\n`, (piece: string) => `${piece.length.toString(16)}\r\n${piece}\r\n`],
  ])('a body of 100 MiB %s: 413', async (_, head, frame) => {
    const piece = frame(' '.repeat(mebibyte));
    const parts = Array.from({ length: 100 }, () => piece);
    expect(refused(await whileHealthy(socket, () => exchange(socket, head, ...parts)))).toBe('413 too_large');
  });

  const packed = gzipSync(Buffer.alloc(mebibyte, ' '));
  it.each<[string, number, (string | Buffer)[]]>([
    ['of one byte each', 201, ['1\r\n \r\n'.repeat(100_000), `c\r\n${bodyOf('ten')}\r\n0\r\n\r\n`]],
    // Less than the socket takes at once: a write that meets the close would lose the answer.
    ['with endless extensions', 400, [`1;${'x=y;'.repeat(8_000)}\r\n`]],
    ['with endless trailers', 431, [`0\r\n${'x: y\r\n'.repeat(7_000)}`]],
    [
      'of what unpacks to a thousand times as much',
      400,
      [`${packed.length.toString(16)}\r\n`, packed, '\r\n0\r\n\r\n'],
    ],
  ])('chunks %s: %i', async (_, status, chunks) => {
    expect((await whileHealthy(socket, () => talk(socket, [`${chunked}${closing}\r\n`, ...chunks]))).statuses).toEqual([
      status,
    ]);
  });

  it('made the daemon neither fail nor stop', async () => {
    expect((await client.system.health()).pid).toBe(daemon.pid);
    expect(daemon.log.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });
});
