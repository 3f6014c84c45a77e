import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { send } from '../helpers/curl.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { Markers } from '../helpers/secrets.ts';
import { at, inPlaceOfNames, refusals, url, type Refused } from '../helpers/refused-secrets.ts';

// A request that is refused holds secrets as well, and mostly where no schema looks for them. None of it is answered,
// logged or stored.

describe('a secret in a request that is refused', () => {
  let home: TestHome;
  let daemon: DaemonProcess;
  const markers = new Markers();
  beforeAll(async () => {
    home = new TestHome();
    daemon = await home.start({ env: { HOLDFAST_LOG_LEVEL: 'trace' } });
    const client = home.client();
    await client.auth.put({ profile: 'kept', kind: 'oauth', refreshToken: 'stored' });
    await client.feeds.put({ name: 'kept', url });
  });
  afterAll(() => home[Symbol.asyncDispose]());

  it.each(Object.keys(refusals))('%s: is not in the answer', async (name) => {
    const reply = await (refusals[name] as Refused)(markers.token(name), home.paths.socket);
    expect(reply.status).toBeGreaterThanOrEqual(400);
    expect(reply.status).toBeLessThan(500);
    expect(markers.in(reply.text + JSON.stringify(reply.headers))).toEqual([]);
  });

  // Names are quoted so that people see what they asked for. What has the form of a token is not.
  it.each(['a route that is unknown', 'the name of a field', 'the name of a query', 'a revision', 'an entity tag'])(
    '%s: one in a form that is known is not in the answer',
    async (name) => {
      const secret = `sk-${markers.token(`token as ${name}`)}`;
      const reply = await (inPlaceOfNames[name] as Refused)(secret.slice(0, 64), home.paths.socket);
      expect(reply.status).toBeGreaterThanOrEqual(400);
      expect(markers.in(reply.text)).toEqual([]);
    },
  );

  it('and none of them all is in the log, on stderr or on disk', async () => {
    expect(markers.all.size).toBeGreaterThan(60);
    expect(markers.below(home.home)).toEqual([]);
    await daemon.end('SIGTERM');
    expect(daemon.log.filter(({ msg }) => msg === 'refused').length).toBeGreaterThan(60);
    expect(markers.saidBy(daemon)).toEqual([]);
    expect(markers.below(home.home)).toEqual([]);
  });
});

/** Asks a daemon of its own, and answers where the secret came to. */
const ask = async (name: string) => {
  await using home = new TestHome();
  const daemon = await home.start({ env: { HOLDFAST_LOG_LEVEL: 'trace' } });
  await home.client().auth.put({ profile: 'kept', kind: 'oauth', refreshToken: 'stored' });
  const markers = new Markers();
  const reply = await (inPlaceOfNames[name] as Refused)(markers.token(name), home.paths.socket);
  expect(reply.status).toBeGreaterThanOrEqual(400);
  await daemon.end();
  expect(daemon.log.some(({ msg }) => msg === 'refused')).toBe(true);
  return { answer: markers.in(reply.text), log: markers.saidBy(daemon), disk: markers.below(home.home) };
};

describe('a secret in the place of a name', () => {
  const nowhere = { log: [], disk: [] };

  it.each(['a route that is unknown', 'a profile that is asked for', 'a revision', 'an entity tag'])(
    '%s: is neither logged nor stored',
    async (name) => expect(await ask(name)).toMatchObject(nowhere),
  );

  // The log names the fields that were wrong, also one that no operation has: then it is the caller's text.
  it.each(['the name of a field', 'the name of a query'])('%s: is neither logged nor stored', async (name) =>
    expect(await ask(name)).toMatchObject(nowhere),
  );

  // What no operation is asked by is no name that anybody must be told again.
  it('an unknown route: is not in the answer', async () => {
    expect((await ask('a route that is unknown')).answer).toEqual([]);
  });
});

describe('what is refused while a secret is under way', () => {
  // Only what people read is redacted.
  it('keeps the code of its problem, whatever the secret is', async () => {
    await using home = new TestHome();
    await home.start();
    const body = { url, auth: { kind: 'bearer', token: 'exists' } };
    const again = { ...body, ifAbsent: true };
    expect((await send(home.paths.socket, 'PUT', `${at}/feeds/f`, body)).status).toBe(201);
    const reply = await send(home.paths.socket, 'PUT', `${at}/feeds/f`, again);
    expect(reply.json).toMatchObject({ status: 409, code: 'exists', type: 'urn:holdfast:problem:exists' });
  });
});
