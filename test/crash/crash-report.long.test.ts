import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { send } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { Markers } from '../helpers/secrets.ts';

// Finding C2 of applications.md, crash reports: an error that nobody foresaw quotes what it was about. Neither the log nor
// stderr may repeat a secret of the request that was under way.

const preload = pathToFileURL(join(import.meta.dirname, 'crash-with-secret.ts')).href;
const forms = ['value', 'JSON', 'percent', 'cause', 'property', 'text'];

const ofKey = (apiKey: string): object => ({ kind: 'api-key', apiKey, account: 'told to fail' });
const ofPatch = (token: string): object => ({ patch: { category: 'told to fail', auth: { kind: 'bearer', token } } });

/** Fails a daemon while it has a request with a secret, and answers where the secret was said. */
async function crash(place: string, form: string, body = ofKey) {
  await using home = new TestHome();
  const markers = new Markers();
  const env = {
    NODE_OPTIONS: `--import=${preload}`,
    CRASH_PLACE: place,
    CRASH_FORM: form,
    HOLDFAST_LOG_LEVEL: 'trace',
  };
  const daemon = await home.start({ env });
  const secret = markers.password('key');
  const request = body(secret);
  const [method, path] = 'patch' in request ? ['PATCH', 'feeds/f'] : ['PUT', 'auth/p'];
  const reply = await send(home.paths.socket, method ?? '', `/v1/apps/test/${path}`, request).catch(() => undefined);
  if (place === 'operation') await daemon.end();
  const { code } = await daemon.exited;
  expect(code).toBe(place === 'operation' ? 0 : 69);
  return {
    // The failure is told all the same.
    said: JSON.stringify(daemon.log) + daemon.stderr,
    told: daemon.log.some(({ msg, level }) => Number(level) >= 50 && String(msg) !== ''),
    found: [...markers.saidBy(daemon), ...markers.in(reply?.text ?? ''), ...markers.below(home.home)],
  };
}

const places = ['main', 'rejection', 'writer', 'operation'];

describe.each(places)('C2: an error in %s', (place) => {
  it.each(forms)('that holds the secret as %s is told without it', async (form) =>
    expect(await crash(place, form)).toMatchObject({ told: true, found: [] }),
  );

  it('red control: what is no secret is told', async () => {
    const { told, said } = await crash(place, 'JSON');
    expect(told).toBe(true);
    expect(said).toContain('told to fail');
  });
});

describe('C2: an error about a secret in the patch of a feed', () => {
  it('is told without it', async () => {
    const { told, found } = await crash('rejection', 'text', ofPatch);
    expect(told).toBe(true);
    expect(found).toEqual([]);
  });
});
