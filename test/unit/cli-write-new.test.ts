import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeNew } from '../../client/cli/write-new.ts';

let folder: string;
const file = (name: string) => join(folder, name);
const textOf = (name: string) => readFileSync(file(name), 'utf8');
const modeOf = (name: string) => statSync(file(name)).mode & 0o777;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-test-'));
  writeFileSync(file('old'), 'old');
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('a file that is replaced', () => {
  it.each([
    ['0600', 0o600],
    ['0666', 0o666],
  ])('keeps its mode, %s, whatever that of a new one is', async (_, mode) => {
    chmodSync(file('old'), mode);
    await writeNew(file('old'), 'new', true, 0o640);
    expect([textOf('old'), modeOf('old'), readdirSync(folder)]).toEqual(['new', mode, ['old']]);
    await writeNew(file('other'), 'new', true, 0o600);
    expect(modeOf('other')).toBe(0o600);
  });

  it('is the one that a link leads to, and the link stays', async () => {
    mkdirSync(file('elsewhere'));
    writeFileSync(file('elsewhere/kept'), 'old');
    symlinkSync('elsewhere/kept', file('link'));
    await writeNew(file('link'), 'new', true);
    expect([lstatSync(file('link')).isSymbolicLink(), textOf('elsewhere/kept')]).toEqual([true, 'new']);
    expect(readdirSync(file('elsewhere'))).toEqual(['kept']);
  });

  it('is a file: a directory, and what another program reads from, stay as they are', async () => {
    mkdirSync(file('directory'));
    execFileSync('mkfifo', [file('pipe')]);
    await expect(writeNew(file('directory'), 'new', true)).rejects.toThrow('directory cannot be written (EISDIR).');
    await expect(writeNew(file('pipe'), 'new', true)).rejects.toThrow('pipe is no file that could be replaced.');
    expect([readdirSync(folder), statSync(file('pipe')).isFIFO()]).toEqual([['directory', 'old', 'pipe'], true]);
  });
});

it('without being told so nothing is replaced', async () => {
  await expect(writeNew(file('old'), 'new', false)).rejects.toThrow('old exists: --force replaces it.');
  expect(textOf('old')).toBe('old');
});
