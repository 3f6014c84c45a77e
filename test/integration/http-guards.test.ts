import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { curl, send } from '../helpers/curl.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { exchange } from '../helpers/raw.ts';
import { refused } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

const feed = '/v1/apps/test/feeds/x';
const json = { 'content-type': 'application/json' };
const body = '{"url":"https://example.org/"}';

/** The sockets of a process that the network, or another user, can reach (proc(5)). */
function portsOf(pid: number): string[] {
  const open = readdirSync(`/proc/${pid}/fd`).map((name) => readLink(`/proc/${pid}/fd/${name}`));
  const lines = ['tcp', 'tcp6', 'udp', 'udp6'].flatMap((kind) => readFileSync(`/proc/net/${kind}`, 'utf8').split('\n'));
  return lines.filter((line) => open.includes(`socket:[${line.trim().split(/\s+/)[9]}]`));
}
/** What a descriptor is; it may be closed while we look. */
function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

describe('what HTTP refuses', () => {
  let home: TestHome;
  let daemon: DaemonProcess;
  let socket: string;
  beforeAll(async () => {
    home = new TestHome();
    daemon = await home.start();
    socket = home.paths.socket;
  });
  afterAll(() => home[Symbol.asyncDispose]());

  it.each([
    { origin: 'https://example.org' },
    { origin: 'null' },
    { referer: 'http://localhost/' },
    { host: 'example.org' },
    { host: '127.0.0.1' },
    { host: 'localhost.example.org' },
    { host: 'localhost:80' },
  ])(
    'bacnh85/pi-extensions#7: the page’s request with %o: 403, for every method and path',
    async (headers: Record<string, string>) => {
      for (const path of [feed, '/v1/health', '/v1/openapi.json', '/v1/nothing']) {
        for (const method of ['GET', 'DELETE'])
          expect(refused(await curl(socket, method, path, { headers }))).toBe('403 forbidden_origin');
      }
      expect(refused(await curl(socket, 'PUT', feed, { headers: { ...json, ...headers }, body }))).toBe(
        '403 forbidden_origin',
      );
      expect(refused(await curl(socket, 'POST', '/v1/shutdown', { headers }))).toBe('403 forbidden_origin');
    },
  );

  it.skipIf(process.platform !== 'linux')(
    'open-mercato/cezar#426: whoever has no file of ours reaches nothing: it has no port',
    async () => {
      expect(portsOf(daemon.pid)).toEqual([]);
      // Red control: one that has is seen.
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const own = `:${port.toString(16).toUpperCase().padStart(4, '0')} `;
      expect(portsOf(process.pid).filter((line) => line.includes(own))).toHaveLength(1);
      server.close();
    },
  );

  it.each(['', 'host:\r\n', 'host: \r\n'])('a request with the Host line %j: 403', async (line) => {
    const reply = await exchange(socket, `GET /v1/version HTTP/1.1\r\n${line}connection: close\r\n\r\n`);
    expect(refused(reply)).toBe('403 forbidden_origin');
  });

  it.each([
    undefined,
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'json',
    '*/*',
  ])('a body of type %s: 415', async (type) => {
    const reply = await curl(socket, 'PUT', feed, {
      headers: type === undefined ? {} : { 'content-type': type },
      body,
    });
    expect(refused(reply)).toBe('415 unsupported_media_type');
  });

  it.each(['gzip', 'br', 'x'])('a body in the encoding %s, which nobody would decode: 415', async (encoding) => {
    const reply = await curl(socket, 'PUT', feed, { headers: { ...json, 'content-encoding': encoding }, body });
    expect(refused(reply)).toBe('415 unsupported_media_type');
  });

  it('takes JSON by any spelling of its type', async () => {
    for (const type of ['application/json', 'Application/JSON', 'application/json; charset=utf-8']) {
      expect((await curl(socket, 'PUT', feed, { headers: { 'content-type': type }, body })).status).toBeLessThan(300);
    }
  });

  it.each([
    ['invalid UTF-8', Buffer.from([...Buffer.from('{"url":"'), 0xff, ...Buffer.from('"}')])],
    ['a surrogate as UTF-8', Buffer.from([...Buffer.from('{"url":"'), 0xed, 0xa0, 0x80, ...Buffer.from('"}')])],
    ['overlong UTF-8', Buffer.from([...Buffer.from('{"url":"'), 0xc0, 0xaf, ...Buffer.from('"}')])],
    ['UTF-16', Buffer.from(body, 'utf16le')],
    ['a cut object', '{"url":'],
    ['single quotes', "{'url':1}"],
    ['a trailing comma', '{"url":1,}'],
    ['NaN', '{"url":NaN}'],
    ['two values', '{} {}'],
    ['a raw control character', '{"url":"\n"}'],
    ['spaces', '  '],
  ])('a body of %s: 400 that does not repeat it', async (_, bytes) => {
    const reply = await send(socket, 'PUT', feed, bytes);
    expect(refused(reply)).toBe('400 malformed_json');
    expect(reply.text).not.toContain('url');
  });

  it.each(['[]', '"text"', '7', 'true', 'null', '[{"url":"https://example.org/"}]'])(
    'the body %s, which is no object: 400',
    async (text) => {
      expect(refused(await send(socket, 'POST', '/v1/apps/test/sessions', text))).toBe('400 invalid_input');
    },
  );

  it.each(['GET', 'DELETE'])('a body on %s, which would be ignored: 400', async (method) => {
    for (const framing of [{ 'content-length': String(body.length) }, { 'transfer-encoding': 'chunked' }]) {
      const headers: Record<string, string> = { ...json, ...framing };
      const reply = await curl(socket, method, feed, { headers, body });
      expect(refused(reply)).toBe('400 invalid_input');
      expect(reply.json).toMatchObject({ detail: expect.stringContaining('query') });
    }
  });

  it.each([
    ['GET', '/v1/apps/test/sessionsx'],
    ['GET', '/v1/apps/test/feeds/x/y'],
    ['GET', '/v1/apps/test'],
    ['GET', '/v1/health/'],
    ['GET', '/V1/health'],
    ['GET', '/'],
    ['POST', '/v1/apps/test/feeds/x/renames'],
    ['POST', '/v1/health'],
    ['PUT', '/v1/apps/test/sessions'],
    ['PUT', '/v1/apps/test/sessions/x/messages'],
    ['POST', '/v1/apps/test/sessions/x'],
    ['POST', '/v1/apps/test/sessions:resolve'],
    ['GET', '/v1/apps/test/sessions:abandon'],
    ['GET', '/v1/apps/test/sessions/x/fork'],
    ['POST', '/v1/apps/test/sessions/x/export'],
    ['DELETE', '/v1/apps/test/sessions'],
    ['OPTIONS', feed],
    ['TRACE', feed],
    ['PROPFIND', feed],
  ])('%s %s, which is no operation: 404', async (method, path) => {
    expect(refused(await curl(socket, method, path))).toBe('404 unknown_route');
  });

  it('headers over 32 KiB: 431', async () => {
    expect(refused(await curl(socket, 'GET', '/v1/version', { headers: { x: 'x'.repeat(33_000) } }))).toBe(
      '431 headers_too_large',
    );
  });

  it('what is not HTTP: 400', async () => {
    for (const text of ['hello\r\n\r\n', 'GET /v1/version HTTP/1.1\r\nhost: localhost\r\nbad header\r\n\r\n']) {
      expect(refused(await exchange(socket, text))).toBe('400 invalid_input');
    }
  });

  it('headers that do not arrive: 408, while others are served', async () => {
    const slow = exchange(socket, 'GET /v1/version HTTP/1.1\r\nhost: loc');
    expect((await curl(socket, 'GET', '/v1/version')).status).toBe(200);
    expect(refused(await slow)).toBe('408 timeout');
  });

  it('a caller that leaves in the middle of its body is no failure of the daemon', async () => {
    const head = `PUT ${feed} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n`;
    for (const leave of ['end', 'destroy'] as const) {
      const leaving = connect(socket).resume();
      await new Promise((written) => leaving.write(`${head}{"u`, written));
      leaving[leave]();
      await until('the connection ends', () => leaving.closed);
    }
    expect((await curl(socket, 'GET', '/v1/version')).status).toBe(200);
    expect(daemon.log.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });
});
