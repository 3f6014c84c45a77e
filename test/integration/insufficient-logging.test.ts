import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorTable, type ErrorCode } from '../../shared/errors.ts';
import { contract } from '../../shared/contract.ts';
import type { Operation } from '../../shared/operation.ts';
import type { Client } from '../../client/index.ts';
import { curl, send } from '../helpers/curl.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { changeOne, tamper } from '../helpers/tamper.ts';
import { until } from '../helpers/wait.ts';

// Invariant: whoever is refused is told a request id, and the log has exactly one line of it, which says what was asked, how
// large it was, how long it took and why it was refused; never what it held.

const of = '/v1/apps/test';
const marker = 'marker-of-the-caller';
let home: TestHome;
let daemon: DaemonProcess;
let client: Client;
let socket: string;

beforeAll(async () => {
  home = new TestHome();
  const before = await home.start();
  const made = home.client();
  for (const name of ['kept', 'hurt', 'other']) await made.feeds.put({ name, url: 'https://example.org/' });
  for (const id of ['abcd1', 'abcd2', 'leased']) await made.sessions.create({ id });
  await made.sessions.append({ id: 'abcd1', messages: [{ id: 'm' }] });
  await made.auth.put({ profile: 'p', kind: 'api-key', apiKey: 'example-key' });
  await made.auth.put({ profile: 'old', kind: 'oauth', accessToken: 'example', expiresAt: '2020-01-01T00:00:00.000Z' });
  await before.end();
  tamper(home.paths.database, (db) => changeOne(db, "UPDATE feed SET url = 'https://x/' WHERE name = 'hurt'"));
  daemon = await home.start();
  client = home.client();
  socket = home.paths.socket;
  await client.leases.acquire({ id: 'leased', owner: 'somebody' });
});
afterAll(() => home[Symbol.asyncDispose]());

type Asked = () => ReturnType<typeof curl>;
const json = { 'content-type': 'application/json' };
const put = (body: unknown, headers = {}) => send(socket, 'PUT', `${of}/feeds/kept`, body, headers);
const url = 'https://example.org/other';
const pathOf = ({ path }: Operation, fields: Record<string, string>) =>
  path.replaceAll(/\{(\w+)\}/g, (_, field: string) => fields[field] ?? '');
const refusals: Partial<Record<ErrorCode, Asked>> = {
  invalid_input: () => put({ url, [marker]: marker }),
  malformed_json: () => put(`{"url": "${marker}`),
  forbidden_origin: () => curl(socket, 'GET', `${of}/feeds/kept`, { headers: { origin: `http://${marker}` } }),
  not_found: () => curl(socket, 'GET', `${of}/feeds/${marker}`),
  unknown_route: () => curl(socket, 'GET', `/v1/${marker}`),
  ambiguous: () => curl(socket, 'GET', `${of}/sessions:resolve?prefix=abcd`),
  drops_messages: () => send(socket, 'PUT', `${of}/sessions/abcd1`, { messages: [] }),
  exists: () => put({ url, ifAbsent: true }),
  expired: () => send(socket, 'POST', pathOf(contract.auth.token, { app: 'test', profile: 'old' }), {}),
  leased: () => send(socket, 'POST', `${of}/sessions/leased/messages`, { messages: [{ text: marker }] }),
  fenced: () => curl(socket, 'DELETE', `${pathOf(contract.leases.release, { app: 'test', id: 'leased' })}?token=x.1`),
  stale: () => put({ url, expectedRevision: 'x.1' }),
  reset: () => curl(socket, 'GET', '/v1/changes?after=deadbeef.7'),
  too_large: () => curl(socket, 'PUT', `${of}/feeds/kept`, { headers: { ...json, 'content-length': '99999999' } }),
  unsupported_media_type: () =>
    curl(socket, 'PUT', `${of}/feeds/kept`, { headers: { 'content-type': 'text/plain' }, body: marker }),
  key_reused: async () => {
    await put({ url }, { 'idempotency-key': 'once' });
    return put({ url: `${url}/${marker}` }, { 'idempotency-key': 'once' });
  },
  damaged: () => curl(socket, 'GET', `${of}/feeds/hurt`),
  headers_too_large: () => curl(socket, 'GET', `${of}/feeds/kept`, { headers: { x: 'x'.repeat(40_000) } }),
};

const has = (id: unknown) => daemon.log.filter((line) => line['requestId'] === id);
/** The lines of a request, when there can be no more of them: that of a later one is there. */
async function linesOf(requestId: unknown): Promise<Record<string, unknown>[]> {
  const { headers } = await curl(socket, 'GET', '/v1/none');
  await until('the log went on', () => has(headers['x-request-id']).length > 0);
  return has(requestId);
}

describe('M8: insufficient logging; P3.5: structured logging', () => {
  it.each(Object.entries(refusals))('%s: one line, of the id that the caller got', async (code, ask) => {
    const { json: problem, headers, status } = await ask();
    const { requestId } = problem as { requestId: string };
    expect([status, problem]).toMatchObject([errorTable[code as ErrorCode].status, { code }]);
    expect(headers['x-request-id']).toBe(requestId);
    const lines = await linesOf(requestId);
    expect(lines).toMatchObject([
      { requestId, code, status, level: 30, op: expect.stringMatching(/^none$|^\w+\.\w+$/) },
    ]);
    // What node:http refuses has neither a size nor a beginning that anybody knows.
    const measured = lines.filter(({ ms, bytes }) => Number(ms) >= 0 && Number(bytes) >= 0);
    expect(measured).toHaveLength(code === 'headers_too_large' ? 0 : 1);
    expect(JSON.stringify(lines)).not.toContain(marker);
  });

  it('the size is that of the body; red control: what succeeds adds no line', async () => {
    const body = JSON.stringify({ url, ifAbsent: true });
    const refused = await put(body);
    expect(await linesOf(refused.headers['x-request-id'])).toMatchObject([{ bytes: Buffer.byteLength(body) }]);
    const done = await put({ url });
    expect(done.status).toBe(200);
    expect((await linesOf(done.headers['x-request-id'])).filter(({ msg }) => msg !== 'slow')).toEqual([]);
  });
});
