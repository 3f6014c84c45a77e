import { Agent, request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorTable, type ErrorCode } from '../../shared/errors.ts';
import { curl, send } from '../helpers/curl.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { until } from '../helpers/wait.ts';
import manifest from '../../package.json' with { type: 'json' };

const url = 'https://example.org/feed.xml';
const path = '/v1/apps/test/feeds/x';

describe('what HTTP answers', () => {
  let home: TestHome;
  let daemon: DaemonProcess;
  let socket: string;
  beforeAll(async () => {
    home = new TestHome();
    daemon = await home.start();
    socket = home.paths.socket;
    await send(socket, 'PUT', path, { url });
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const refusals: [ErrorCode, () => ReturnType<typeof curl>][] = [
    ['invalid_input', () => send(socket, 'PUT', path, { url: 7 })],
    ['invalid_input', () => curl(socket, 'GET', '/v1/apps/test/feeds/%ED%A0%80')],
    ['malformed_json', () => send(socket, 'PUT', path, '{')],
    ['forbidden_origin', () => curl(socket, 'GET', path, { headers: { origin: 'null' } })],
    ['not_found', () => curl(socket, 'GET', '/v1/apps/test/feeds/none')],
    ['unknown_route', () => curl(socket, 'GET', '/v1/none')],
    ['exists', () => send(socket, 'PUT', path, { url, ifAbsent: true })],
    ['stale', () => send(socket, 'PUT', path, { url, expectedRevision: 'x.1' })],
    [
      'too_large',
      () =>
        curl(socket, 'PUT', path, { headers: { 'content-type': 'application/json', 'content-length': '99999999' } }),
    ],
    [
      'unsupported_media_type',
      () => curl(socket, 'PUT', path, { headers: { 'content-type': 'text/plain' }, body: 'x' }),
    ],
    ['headers_too_large', () => curl(socket, 'GET', path, { headers: { x: 'x'.repeat(40_000) } })],
  ];

  it.each(refusals)('%s: a whole problem document, and one log line of its id', async (code, call) => {
    const { status, title, retryable } = errorTable[code];
    const reply = await call();
    expect(reply.headers['content-type']).toMatch(/^application\/problem\+json/);
    const problem = reply.json as Record<string, unknown>;
    const { detail, requestId } = problem;
    expect(problem).toMatchObject({ type: `urn:holdfast:problem:${code}`, title, status, code, retryable });
    expect(reply.status).toBe(status);
    expect(String(detail)).toMatch(/^.{15,}/);
    expect(String(requestId)).not.toBe('');
    expect(reply.headers['x-request-id']).toBe(requestId);

    // The next request's line comes later: by then ours has been written as often as it ever will be.
    const { headers } = await curl(socket, 'GET', '/v1/none');
    await until('the log went on', () => daemon.log.some((line) => line['requestId'] === headers['x-request-id']));
    const lines = daemon.log.filter((line) => line['requestId'] === requestId);
    expect(lines).toMatchObject([{ code, status }]);
  });

  it('version, protocol and a new request id with every answer, good or bad', async () => {
    const calls = [
      () => curl(socket, 'GET', '/v1/health'),
      () => curl(socket, 'GET', path),
      ...refusals.map(([, call]) => call),
    ];
    const replies = await Promise.all(calls.map((call) => call()));
    for (const { headers, text } of replies) {
      const { 'holdfast-version': version, 'holdfast-protocol': protocol } = headers;
      expect({ text, version, protocol }).toEqual({ text, version: manifest.version, protocol: '1' });
    }
    expect(new Set(replies.map(({ headers }) => headers['x-request-id'])).size).toBe(replies.length);
  });

  it('health, which is never logged', async () => {
    const { status, json, headers } = await curl(socket, 'GET', '/v1/health');
    expect(status).toBe(200);
    expect(json).toEqual({
      status: 'ok',
      reasons: [],
      version: manifest.version,
      protocol: 1,
      pid: daemon.pid,
      uptimeMs: expect.any(Number),
      queueDepth: 0,
      oldestUnansweredMs: 0,
      lastCommitAt: expect.stringMatching(/Z$/),
      walBytes: expect.any(Number),
      freeBytes: expect.any(Number),
    });
    const wrong = await curl(socket, 'GET', '/v1/health?deep=true');
    expect(wrong.status).toBe(400);
    const later = await curl(socket, 'GET', '/v1/none');
    await until('the log went on', () =>
      daemon.log.some((line) => line['requestId'] === later.headers['x-request-id']),
    );
    const ids = [headers['x-request-id'], wrong.headers['x-request-id']];
    expect(daemon.log.filter((line) => ids.includes(line['requestId'] as string))).toEqual([]);
  });

  it('the version of daemon, protocol, schema, Node and engine', async () => {
    expect((await curl(socket, 'GET', '/v1/version')).json).toEqual({
      version: manifest.version,
      protocol: 1,
      schemaVersion: expect.any(Number),
      node: expect.stringMatching(/^v\d+\./),
      engine: expect.stringMatching(/^SQLite 3\./),
    });
  });

  it.each(['/v1/health', '/v1/version', '/v1/openapi.json', path, '/v1/apps/test/sessions', '/v1/none', `${path}y`])(
    'HEAD %s as GET without the body',
    async (resource) => {
      const [get, head] = await Promise.all([curl(socket, 'GET', resource), curl(socket, 'HEAD', resource)]);
      expect(head).toMatchObject({ status: get.status, text: '' });
      for (const name of ['content-type', 'etag', 'holdfast-version'])
        expect(head.headers[name]).toBe(get.headers[name]);
    },
  );

  it('each of ten kept connections what it asked for', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 10 });
    const sockets = new Set<unknown>();
    const ask = (name: string) =>
      new Promise<string>((resolve, reject) => {
        const headers = { host: 'localhost' };
        const options = { socketPath: socket, agent, path: `/v1/apps/test/feeds/${name}`, headers };
        const outgoing = request(options, (response) => {
          sockets.add(response.socket);
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
          response.on('end', () => resolve((JSON.parse(text) as { name: string }).name));
        });
        outgoing.on('error', reject).end();
      });
    const names = Array.from({ length: 10 }, (_, index) => `kept-${index}`);
    await Promise.all(names.map((name) => send(socket, 'PUT', `/v1/apps/test/feeds/${name}`, { url })));
    const asked = Array.from({ length: 500 }, (_, index) => names[index % 10] ?? '');
    expect(await Promise.all(asked.map(ask))).toEqual(asked);
    expect(sockets.size).toBe(10);
    agent.destroy();
  });

  it('nothing with 500', () => {
    expect(daemon.log.filter(({ level, status }) => Number(level) >= 50 || status === 500)).toEqual([]);
  });
});
