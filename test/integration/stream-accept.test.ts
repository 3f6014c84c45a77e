import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { curl } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { linesOf, messagesOf, readAll } from '../helpers/streams.ts';

const [json, lines] = ['application/json; charset=utf-8', 'application/x-ndjson'];

describe('the Accept header of messages', () => {
  let home: TestHome;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    const client = home.client();
    await client.sessions.create({ id: 's' });
    await client.sessions.append({ id: 's', messages: [{ n: 1 }, { n: 2 }] });
  });
  afterAll(() => home[Symbol.asyncDispose]());

  it.each([
    [lines, 'application/x-ndjson'],
    [lines, 'Application/X-NDJSON'],
    [lines, 'application/x-ndjson; charset=utf-8'],
    [lines, ' application/x-ndjson ;q=0.2'],
    [lines, 'text/html, application/x-ndjson'],
    [lines, 'application/x-ndjson, application/json'],
    [lines, 'application/json;q=0.5, application/x-ndjson'],
    [lines, 'application/x-ndjson, */*;q=0.1'],
    [json, 'application/json'],
    [json, '*/*'],
    [json, 'application/*'],
    [json, 'text/html, */*;q=0.8'],
    [json, ''],
    [json, 'text/event-stream'],
    [json, 'application/x-ndjson2'],
    [json, 'x-application/x-ndjson'],
    [json, 'application/json, application/x-ndjson;q=0.5'],
    [json, 'application/x-ndjson;q=0.1, */*'],
    [json, 'application/x-ndjson;q=0, */*'],
    [json, 'application/x-ndjson;q=0.0'],
  ])('chooses %s for %j', async (type, accept) => {
    const reply = await readAll(home.paths.socket, messagesOf('s'), { accept });
    expect([reply.status, reply.type]).toEqual([200, type]);
    const last: unknown = type === lines ? linesOf(reply.text)[2] : JSON.parse(reply.text);
    expect(last).toMatchObject(type === lines ? { end: { head: 2 } } : { items: [{ n: 1 }, { n: 2 }], head: 2 });
  });

  it('is not needed for pages', async () => {
    expect(await readAll(home.paths.socket, messagesOf('s'), {})).toMatchObject({ status: 200, type: json });
  });

  it('chooses nothing elsewhere: a route without a stream answers JSON, an export what its format says', async () => {
    const accept = 'application/x-ndjson';
    const { headers } = await curl(home.paths.socket, 'GET', '/v1/apps/test/sessions/s', { headers: { accept } });
    expect(headers['content-type']).toBe(json);
    const exported = await readAll(home.paths.socket, '/v1/apps/test/sessions/s/export?format=json', { accept });
    expect(exported).toMatchObject({ status: 200, type: json });
  });

  it('of a HEAD request chooses the type, and no body comes', async () => {
    for (const [accept, type] of [
      ['application/x-ndjson', lines],
      ['application/json', json],
    ] as const) {
      const reply = await curl(home.paths.socket, 'HEAD', messagesOf('s'), { headers: { accept } });
      expect([reply.status, reply.headers['content-type'], reply.text]).toEqual([200, type, '']);
    }
  });
});
