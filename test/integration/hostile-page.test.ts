import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contract } from '../../shared/contract.ts';
import { pathFields, type Operation } from '../../shared/operation.ts';
import { curl } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { EventReader } from '../helpers/events.ts';
import { exchange } from '../helpers/raw.ts';
import { refused } from '../helpers/refusal.ts';

// Invariant: a web page reaches nothing, even where somebody forwards a port of this machine to the socket. A browser sends
// what is written here; that it is sent to a name of the page's own (DNS rebinding) changes the Host alone.

/** What a browser says of each way in which a page can ask without being asked itself; `page` is where it lies. */
const ways: [string, string, Record<string, string>][] = [
  ['fetch', 'GET', { origin: 'https://page.example', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' }],
  ['fetch with no-cors', 'GET', { referer: 'https://page.example/', 'sec-fetch-site': 'cross-site' }],
  ['an image', 'GET', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }],
  ['an image, of a browser that says less', 'GET', { referer: 'https://page.example/' }],
  ['a form', 'POST', { origin: 'https://page.example', 'content-type': 'application/x-www-form-urlencoded' }],
  ['a form in a sandbox', 'POST', { origin: 'null', 'content-type': 'text/plain' }],
  ['sendBeacon', 'POST', { origin: 'https://page.example', 'content-type': 'text/plain;charset=UTF-8' }],
  ['a preflight', 'OPTIONS', { origin: 'https://page.example', 'access-control-request-method': 'PUT' }],
  ['a rebound name', 'GET', { host: 'page.example:8080', 'sec-fetch-site': 'same-origin' }],
  ['a rebound name, of a browser that says less', 'POST', { host: 'page.example', 'content-type': 'application/json' }],
];
const hosts = ['localhost', 'localhost:8080', '127.0.0.1:8080', '[::1]:8080'];

describe('a page, through a port that somebody forwards to the socket', () => {
  let home: TestHome;
  let forwarder: Server;
  let changes: EventReader;
  const ask = async (method: string, path: string, headers: Record<string, string>, body = '') => {
    const told = { host: 'localhost', connection: 'close', 'content-length': String(body.length), ...headers };
    const lines = Object.entries(told).map(([name, value]) => `${name}: ${value}\r\n`);
    const { port } = forwarder.address() as AddressInfo;
    return exchange({ port, host: '127.0.0.1' }, `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`);
  };
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    forwarder = createServer((page) => {
      const daemon = connect(home.paths.socket);
      for (const socket of [page, daemon]) socket.on('error', () => socket.destroy());
      page.pipe(daemon).pipe(page);
    }).listen(0, '127.0.0.1');
    await once(forwarder, 'listening');
    await home.client().feeds.put({ name: 'x', url: 'https://example.org/' });
    changes = await EventReader.open(home.paths.socket);
  });
  afterAll(async () => {
    changes[Symbol.dispose]();
    forwarder.close();
    await home[Symbol.asyncDispose]();
  });

  it.each(ways)('%s: 403, whatever name it uses and whatever it asks for', async (_, method, headers) => {
    for (const host of 'host' in headers ? [headers['host']] : hosts) {
      for (const path of ['/v1/health', '/v1/apps/test/feeds/x', '/v1/shutdown', '/v1/apps/test/sessions', '/']) {
        const body = method === 'POST' ? '{"x=":1}' : '';
        const reply = await ask(method, path, { ...headers, host: host ?? '' }, body);
        expect(refused(reply)).toBe('403 forbidden_origin');
        expect([...reply.headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([]);
      }
    }
  });

  it('the same without what a browser adds is answered: red control', async () => {
    expect((await ask('GET', '/v1/apps/test/feeds/x', {})).json).toMatchObject({ name: 'x' });
    const made = await ask('POST', '/v1/apps/test/sessions', { 'content-type': 'application/json' }, '{"id":"made"}');
    expect(made.status).toBe(201);
    expect((await changes.count(1)).told).toEqual(['session made']);
  });

  it('no GET of the contract changes anything', async () => {
    const operations = Object.values(contract).flatMap((verbs) => Object.values(verbs as Record<string, Operation>));
    const gets = operations.filter(({ method, stream }) => method === 'GET' && stream === undefined);
    expect(gets.length).toBeGreaterThan(10);
    const { told } = changes;
    for (const { path, kind } of gets) {
      const url = pathFields(path).reduce(
        (text, name) => text.replace(`{${name}}`, name === 'app' ? 'test' : 'x'),
        path,
      );
      expect([path, kind]).toEqual([path, 'read']);
      expect((await curl(home.paths.socket, 'GET', url)).status).toBeLessThan(500);
    }
    await home.client().sessions.create({ id: 'last' });
    expect((await changes.count(told.length + 1)).told).toEqual([...told, 'session last']);
  });
});
