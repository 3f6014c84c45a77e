import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { send } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { refusal } from '../helpers/refusal.ts';
import { anotherKey } from '../helpers/root-key.ts';

// Invariant: whenever the daemon is killed, every sealed value that was acknowledged opens after the next start, with
// exactly one root key file in force and no other beside it; a key that is there is never overwritten.

const preload = pathToFileURL(join(import.meta.dirname, 'root-key-kill-at-step.ts')).href;
const killedAt = (step: string) => ({
  env: { NODE_OPTIONS: `--import=${preload}`, HOLDFAST_TEST_STEP: step },
});
const apps = ['a', 'b', 'c'];
const credential = (app: string) => ({ app, profile: 'work', kind: 'api-key' as const, apiKey: `key of ${app}` });

const keyFiles = ({ paths }: TestHome) => readdirSync(dirname(paths.rootKey)).toSorted();

const readWhole = ({ paths: { rootKey } }: TestHome) =>
  existsSync(rootKey) ? readFileSync(rootKey, 'latin1') : undefined;

async function expectOpen(home: TestHome, client: Client) {
  for (const app of apps) {
    expect(await client.auth.token({ app, profile: 'work' })).toMatchObject({ apiKey: `key of ${app}` });
  }
  const { state, fingerprint } = await client.keys.status();
  expect(state).toBe('ok');
  expect(keyFiles(home)).toEqual(['root.key']);
  expect(readFileSync(home.paths.rootKey, 'latin1')).toContain(String(fingerprint));
}

/** A call that is made once: whether it was answered by the daemon that it was made to. */
const post = ({ paths }: TestHome, path: string, body: object) =>
  send(paths.socket, 'POST', path, body).then(
    ({ status }) => status === 200,
    () => false,
  );

/** Every step is killed at in the soak, every fourth one otherwise. */
const stride = process.env['HOLDFAST_EVERY_STEP'] ? 1 : 4;

/** Runs `work` with a daemon that dies at one step of it after the other, until it lives; answers how far it came. */
async function atEveryStep(
  home: TestHome,
  thread: string,
  work: () => Promise<boolean>,
  check: (step: number) => Promise<void>,
) {
  for (let step = 1; ; step += stride) {
    const daemon = await home.start(killedAt(`${thread} ${step}`));
    if (await work()) {
      await daemon.end();
      return step - 1;
    }
    expect((await daemon.exited).signal).toBe('SIGKILL');
    const next = await home.start();
    await check(step);
    await next.end();
    if (step > 200) throw new Error('it never lived');
  }
}

describe('the root key under SIGKILL', () => {
  it.each(['main', 'rewrap'])('rotated, killed before each step of the %s thread: everything opens', async (thread) => {
    await using home = new TestHome();
    const daemon = await home.start();
    const client = home.client();
    for (const app of apps) await client.auth.put(credential(app));
    const first = (await client.keys.status()).fingerprint;
    await daemon.end();
    const fingerprints = new Set([first]);
    const rotate = () => post(home, '/v1/keys/rotate', {});
    const steps = await atEveryStep(home, thread, rotate, async () => {
      await expectOpen(home, client);
      fingerprints.add((await client.keys.status()).fingerprint);
    });
    // The kills reached into it: before what counts, and, of the thread that ends it, after it.
    expect(steps).toBeGreaterThan(8);
    expect(fingerprints.size).toBeGreaterThan(thread === 'main' ? 1 : 0);
    expect(fingerprints.size).toBeLessThan(steps);
    await home.start();
    await expectOpen(home, client);
  });

  it('made by the first secret, killed before each step: never a value that does not open', async () => {
    let steps = 0;
    for (let lived = false; !lived;) {
      await using home = new TestHome();
      const client = home.client();
      const daemon = await home.start(killedAt(`writer ${steps + 1}`));
      // The client repeats it until it is stored, by the daemon that is killed or by the next one.
      const put = client.auth.put(credential('a'));
      lived = await Promise.race([put.then(() => true), daemon.exited.then(() => false)]);
      if (lived) break;
      steps += stride;
      const left = readWhole(home);
      await home.start();
      await put;
      for (const app of ['b', 'c']) await client.auth.put(credential(app));
      await expectOpen(home, client);
      // What the killed daemon had made is taken over, not made anew.
      expect(readWhole(home)).toBe(left ?? readWhole(home));
    }
    expect(steps).toBeGreaterThan(10);
  });

  it('restored, killed before each step: the key that was there is still there, or the right one is', async () => {
    await using home = new TestHome();
    const { rootKey } = home.paths;
    const daemon = await home.start();
    const client = home.client();
    for (const app of apps) await client.auth.put(credential(app));
    const { code } = await client.keys.backup();
    const good = readFileSync(rootKey, 'latin1');
    await daemon.end();
    const wrong = anotherKey();
    writeFileSync(rootKey, wrong);
    const restore = () => post(home, '/v1/keys/restore', { code });
    const contents = () => keyFiles(home).map((name) => readFileSync(join(dirname(rootKey), name), 'latin1'));
    const seen = { before: 0, after: 0 };
    const steps = await atEveryStep(home, 'main', restore, async () => {
      const { state } = await client.keys.status();
      const inPlace = readFileSync(rootKey, 'latin1');
      // Neither key is lost at any step: the right one is in place, or the other one is and the code still works.
      expect(contents()).toContain(wrong);
      expect([state, inPlace]).toEqual(state === 'ok' ? ['ok', good] : ['key_wrong', wrong]);
      if (state === 'ok') seen.after += 1;
      else seen.before += 1;
      if (state === 'ok') writeFileSync(rootKey, wrong);
    });
    expect(steps).toBeGreaterThan(5);
    expect(seen.before).toBeGreaterThan(1);
    expect(seen.after).toBeGreaterThan(0);
  });

  it('red control: a key that is lost shows as values that do not open', async () => {
    await using home = new TestHome();
    await home.start();
    const client = home.client();
    for (const app of apps) await client.auth.put(credential(app));
    await expectOpen(home, client);
    writeFileSync(home.paths.rootKey, anotherKey());
    expect((await refusal(client.auth.token({ app: 'a', profile: 'work' }))).code).toBe('key_wrong');
    await expect(expectOpen(home, client)).rejects.toThrow(/root\.key/);
  });
});
