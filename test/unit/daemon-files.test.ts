import { linkSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readJson, writeJson } from '../../client/daemon-files.ts';

// Invariant: a note is never written in place: it may be another user's, and half of it says nothing.

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-notes-'));
  path = join(folder, 'note.json');
});
afterEach(() => rmSync(folder, { recursive: true }));

it('another file takes its place, with the new content', () => {
  writeJson(path, { at: 1 });
  linkSync(path, `${path}.kept`);
  writeJson(path, { at: 2 });
  expect([`${path}.kept`, path].map(readJson)).toEqual([{ at: 1 }, { at: 2 }]);
});

it('what cannot be written throws and leaves nothing behind', () => {
  mkdirSync(join(path, 'in-the-way'), { recursive: true });
  expect(() => writeJson(path, {})).toThrow(/^E/);
  expect(readdirSync(folder)).toEqual(['note.json']);
});
