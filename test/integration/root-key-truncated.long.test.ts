import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { TestHome } from '../helpers/daemon.ts';
import { refusal } from '../helpers/refusal.ts';
import { beside } from '../helpers/root-key.ts';

// A key file that was cut off, or of which a bit was flipped, is never taken for a key, nor for none.

const put = { profile: 'work', kind: 'api-key' as const, apiKey: 'key-1' };

describe('Inkwell P2.7: the file of the root key', () => {
  it.each([undefined, 'correct horse battery'])('cut off at every length (passphrase: %s)', async (passphrase) => {
    await using home = new TestHome();
    const { rootKey } = home.paths;
    await home.start();
    const { keys, auth } = home.client();
    await keys.init({ ...(passphrase !== undefined && { passphrase }) });
    await auth.put(put);
    const good = readFileSync(rootKey);
    for (let length = 0; length < good.length; length++) {
      writeFileSync(rootKey, good.subarray(0, length));
      const before = beside(rootKey);
      for (const call of [() => auth.token({ profile: 'work' }), () => auth.put({ ...put, apiKey: 'key-2' })]) {
        expect([length, (await refusal(call())).code]).toEqual([length, 'key_wrong']);
      }
      expect(beside(rootKey)).toEqual(before);
    }
    writeFileSync(rootKey, good);
    expect(await auth.token({ profile: 'work' })).toMatchObject({ apiKey: 'key-1' });
  });

  it.each([undefined, 'correct horse battery'])(
    'one flipped bit, each in turn (passphrase: %s)',
    async (passphrase) => {
      await using home = new TestHome();
      const { rootKey } = home.paths;
      await home.start();
      const { keys, auth } = home.client();
      await keys.init({ ...(passphrase !== undefined && { passphrase }) });
      await auth.put(put);
      const good = readFileSync(rootKey);
      const outcomes = new Map<string, number>();
      for (let bit = 0; bit < good.length * 8; bit++) {
        const bytes = Buffer.from(good);
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        writeFileSync(rootKey, bytes);
        const outcome = await auth.token({ profile: 'work' }).then(
          ({ apiKey }) => `opens ${apiKey}`,
          ({ code }: { code: string }) => code,
        );
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
      // base64url has spare bits at its end; a key wrapped by a passphrase that does not open may need another one.
      const expected = ['key_wrong', 'opens key-1', ...(passphrase === undefined ? [] : ['key_locked'])];
      expect([...outcomes.keys()].filter((outcome) => !expected.includes(outcome))).toEqual([]);
      expect(outcomes.get('key_wrong')).toBeGreaterThan(100);
      expect(outcomes.get('opens key-1') ?? 0).toBeLessThan(passphrase === undefined ? 5 : 300);
      writeFileSync(rootKey, good);
      expect(await auth.token({ profile: 'work' })).toMatchObject({ apiKey: 'key-1' });
    },
  );

  it.each([
    ['cost', 3],
    ['salt', 6],
  ])('a flipped bit in the %s of a passphrase is told as damage, not as a wrong passphrase', async (_, word) => {
    await using home = new TestHome();
    const { rootKey } = home.paths;
    const passphrase = 'correct horse battery';
    const daemon = await home.start();
    const { keys, auth } = home.client();
    await keys.init({ passphrase });
    await auth.put(put);
    const words = readFileSync(rootKey, 'latin1').split(' ');
    words[word] = (words[word] ?? '').replace(/^./, (first) => String.fromCharCode(first.charCodeAt(0) ^ 2));
    writeFileSync(rootKey, words.join(' '));
    // Both open until the daemon ends, for nothing covers these words; then the right passphrase is called wrong, or is
    // answered by 500.
    expect((await keys.status()).state).toBe('key_wrong');
    await daemon.end();
    await home.start();
    expect((await refusal(keys.unlock({ passphrase }))).code).toBe('key_wrong');
  });
});
