import { copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { send } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { refusal, wrongFields } from '../helpers/refusal.ts';
import { beside } from '../helpers/root-key.ts';

// Inkwell P2.7: a code that was written down by hand. A typo is told from a code of another key, and what people write
// for the same characters is read.

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const credential = { profile: 'work', kind: 'api-key' as const, apiKey: 'key-1' };

describe('Inkwell P2.7: the recovery code', () => {
  let home: TestHome;
  let client: Client;
  let code: string;
  const restore = (text: string) => send(home.paths.socket, 'POST', '/v1/keys/restore', { code: text });
  /** The texts that are not refused as a typo of the field, without being quoted. */
  const taken = async (texts: string[]) => {
    const before = beside(home.paths.rootKey);
    const accepted: string[] = [];
    for (const text of texts) {
      const reply = await restore(text);
      const fields = reply.status === 400 ? wrongFields(reply) : [];
      // What was typed is nearly the key.
      if (fields.join() !== 'code' || reply.text.includes(text.slice(5, 25))) accepted.push(`${text} ${reply.text}`);
    }
    expect(beside(home.paths.rootKey)).toEqual(before);
    return accepted;
  };
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
    await client.auth.put(credential);
    ({ code } = await client.keys.backup());
  });
  afterAll(() => home[Symbol.asyncDispose]());

  it('is 14 groups of 4 characters', () => {
    expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){13}[0-9A-HJKMNP-TV-Z]{4}$/);
  });

  it('every wrong character is a typo', async () => {
    const places = Array.from(code).flatMap((character, index) => (character === '-' ? [] : [index]));
    const others = (index: number) => Array.from(alphabet).filter((one) => one !== code[index]);
    const typos = places.flatMap((at) => others(at).map((one) => code.slice(0, at) + one + code.slice(at + 1)));
    expect(typos.length).toBe(56 * 31);
    expect(await taken(typos)).toEqual([]);
  });

  it('every two neighbours that changed places are a typo', async () => {
    const characters = Array.from(code.replaceAll('-', ''));
    const swapped = characters.slice(1).flatMap((next, at) => {
      const one = characters[at] ?? '';
      return one === next
        ? []
        : [
            characters
              .with(at, next)
              .with(at + 1, one)
              .join(''),
          ];
    });
    expect(swapped.length).toBeGreaterThan(30);
    expect(await taken(swapped)).toEqual([]);
  });

  it('groups that are missing, doubled or in another order are a typo', async () => {
    const groups = code.split('-');
    const typos = [
      ...groups.map((_, at) => groups.toSpliced(at, 1).join('-')),
      ...groups.map((group, at) => groups.toSpliced(at, 0, group).join('-')),
      ...groups.slice(1).map((group, at) =>
        groups
          .with(at, group)
          .with(at + 1, groups[at] ?? '')
          .join('-'),
      ),
      groups.toReversed().join('-'),
      code.slice(0, -1),
      `${code}0`,
      code.replace(/^./, 'U'),
      code.replace(/^./, '*'),
      code.replace(/^./, 'Ä'),
    ];
    expect(await taken(typos)).toEqual([]);
  });

  it('is read however it was written: lower case, spaces, O for 0, I and L for 1', async () => {
    const texts = [
      code,
      code.toLowerCase(),
      code.replaceAll('-', ' '),
      code.replaceAll('-', ''),
      code.replaceAll('-', ' - '),
      code.replaceAll('0', 'O').replaceAll('1', 'I'),
      code.replaceAll('0', 'o').replaceAll('1', 'l').toLowerCase(),
    ];
    for (const text of texts) {
      rmSync(home.paths.rootKey);
      expect((await refusal(client.auth.token({ profile: 'work' }))).code).toBe('key_missing');
      expect([text, (await restore(text)).status]).toEqual([text, 200]);
      expect(await client.auth.token({ profile: 'work' })).toMatchObject({ apiKey: 'key-1' });
    }
  });

  it('of another key is no typo: 409 key_wrong, and nothing is replaced', async () => {
    await using other = new TestHome();
    await other.start();
    await other.client().auth.put(credential);
    const another = (await other.client().keys.backup()).code;
    const before = beside(home.paths.rootKey);
    const reply = await restore(another);
    expect([reply.status, (reply.json as { code: string }).code]).toEqual([409, 'key_wrong']);
    expect(beside(home.paths.rootKey)).toEqual(before);
    rmSync(home.paths.rootKey);
    expect((await restore(another)).status).toBe(409);
    expect(beside(home.paths.rootKey)).toEqual(before.filter((file) => !file.startsWith('root.key ')));
    expect((await restore(code)).status).toBe(200);
  });

  it('opens a copy of the data on another machine; without it nothing there opens', async () => {
    await using machine = new TestHome();
    await using source = new TestHome();
    const daemon = await source.start();
    const old = source.client();
    await old.auth.put(credential);
    await old.feeds.put({ name: 'f', url: 'https://example.org/', auth: { kind: 'bearer', token: 'feed-token' } });
    await old.pending.put({ state: 's', secret: 'verifier' });
    const backup = await old.keys.backup();
    await daemon.end();
    mkdirSync(machine.paths.data, { mode: 0o700 });
    for (const name of readdirSync(source.paths.data, { withFileTypes: true })) {
      if (name.isFile()) copyFileSync(join(source.paths.data, name.name), join(machine.paths.data, name.name));
    }
    let copy = await machine.start();
    const { auth, feeds, pending, keys } = machine.client();
    expect((await keys.status()).state).toBe('key_missing');
    expect((await refusal(auth.put(credential))).code).toBe('key_missing');
    expect(beside(machine.paths.rootKey)).toEqual([]);
    expect((await keys.restore({ code: backup.code })).fingerprint).toBe(backup.fingerprint);
    const expectOpen = async () => {
      expect(await auth.token({ profile: 'work' })).toMatchObject({ apiKey: 'key-1' });
      expect(await feeds.credentials({ name: 'f' })).toMatchObject({ token: 'feed-token' });
    };
    await expectOpen();
    await copy.end();
    copy = await machine.start();
    await expectOpen();
    expect(await pending.take({ state: 's' })).toMatchObject({ secret: 'verifier' });
  });
});
