import { rmSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { KeyStatus } from '../../shared/resources/keys.ts';
import { holdfast, passphrase } from '../helpers/cli.ts';
import { TestHome } from '../helpers/daemon.ts';

it('holdfast key goes through the life of a root key: passphrase, restart, rotation, loss, recovery', async () => {
  await using home = new TestHome();
  const key = (args: string[], stdin?: string) => holdfast(home, ['key', ...args], stdin);
  const status = async () => {
    const { code, stdout } = await key(['status', '--json']);
    return { code, ...(JSON.parse(stdout) as KeyStatus) };
  };
  const refused = { code: 1, stdout: '', stderr: expect.stringMatching(/^holdfast: .+\n$/) as string };

  const daemon = await home.start();
  expect(await status()).toMatchObject({ code: 0, state: 'none', fingerprint: null, path: home.paths.rootKey });
  expect(await key(['init', '--passphrase'], 'short\n')).toEqual(refused);
  expect(await status()).toMatchObject({ code: 0, state: 'none' });
  expect(await key(['init', '--passphrase'], `${passphrase}\n`)).toMatchObject({ code: 0, stdout: '' });
  const made = await status();
  expect(made).toMatchObject({ code: 0, state: 'ok', detail: '', provider: 'passphrase' });
  expect(await key(['init'])).toEqual(refused);
  const earlier = await key(['backup']);
  expect(earlier.code).toBe(0);
  expect(earlier.stdout).toMatch(/^([0-9A-Z]{4}-){13}[0-9A-Z]{4}\n$/);

  await daemon.end();
  await home.start();
  expect(await status()).toMatchObject({ code: 1, state: 'key_locked' });
  expect(await key(['backup'])).toEqual(refused);
  expect(await key(['unlock'], `${passphrase}!\n`)).toEqual(refused);
  expect(await status()).toMatchObject({ code: 1, state: 'key_locked' });
  expect(await key(['unlock'], `${passphrase}\n`)).toMatchObject({ code: 0, stdout: '' });
  expect(await status()).toEqual(made);

  expect(await key(['rotate'])).toMatchObject({ code: 0, stdout: '' });
  const rotated = await status();
  expect(rotated).toMatchObject({ code: 0, state: 'ok', provider: 'passphrase' });
  expect(rotated.fingerprint).not.toBe(made.fingerprint);
  const newest = await key(['backup']);
  expect(newest.stdout).not.toBe(earlier.stdout);

  rmSync(home.paths.rootKey);
  expect(await status()).toMatchObject({ code: 1, state: 'key_missing' });
  expect(await key(['restore'], earlier.stdout)).toEqual(refused);
  const typo = await key(
    ['restore'],
    newest.stdout.replace(/^./, (first) => (first === 'A' ? 'B' : 'A')),
  );
  expect(typo).toEqual(refused);
  expect(typo.stderr).toContain('typo');
  expect(await status()).toMatchObject({ code: 1, state: 'key_missing' });
  expect(await key(['restore'], newest.stdout.toLowerCase().replaceAll('-', ' '))).toMatchObject({ code: 0 });
  const restored = { code: 0, state: 'ok', fingerprint: rotated.fingerprint, provider: 'file' };
  expect(await status()).toMatchObject(restored);
});
