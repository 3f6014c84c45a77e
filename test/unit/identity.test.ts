import { copyFileSync, mkdtempSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Checkpointer } from '../../daemon/store/sqlite/checkpoint.ts';
import { checkpointFrames, openReader, openWriter } from '../../daemon/store/sqlite/connection.ts';
import { birthIn, bornAt, FileIdentity } from '../../daemon/store/sqlite/identity.ts';
import { until } from '../helpers/wait.ts';

// Invariant: the database is ours whatever our checkpoints make of it, and no longer once anybody else has made it longer
// or shorter.

let folder: string;
let path: string;
let db: DatabaseSync;
let identity: FileIdentity;
let checkpointer: Checkpointer;
const sizeOf = () => statSync(path).size;
const lose = (file: string) => new Error(`lost ${file}`);
const grow = (by: DatabaseSync, pages = 40) => by.exec(`INSERT INTO t VALUES (zeroblob(${pages * 4096}))`);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-identity-'));
  path = join(folder, 'holdfast.db');
  db = openWriter(path, () => undefined);
  db.exec('CREATE TABLE t (b)');
  identity = new FileIdentity(path);
  checkpointer = new Checkpointer(
    db,
    () => undefined,
    (checkpoint) => identity.writing(checkpoint, lose),
  );
});
afterEach(() => {
  checkpointer.stop();
  db.close();
  rmSync(folder, { recursive: true });
});

describe('a database stays ours', () => {
  it.each<[string, () => void]>([
    ['one that is asked for', () => checkpointer.settle()],
    ['the last one', () => checkpointer.finish()],
    ['one of a long WAL', () => (grow(db, checkpointFrames), checkpointer.afterCommit())],
    ['a part of one, which a reader holds up', heldUp],
  ])('over a checkpoint: %s', (_, checkpoint) => {
    grow(db);
    const before = sizeOf();
    checkpoint();
    expect(sizeOf()).toBeGreaterThan(before);
    expect(identity.lost()).toBeUndefined();
  });

  it('over one that fails when it has written', () => {
    expect(() => identity.writing(failing, lose)).toThrow('the disk is full');
    expect(identity.lost()).toBeUndefined();
    expect(() => checkpointer.settle()).not.toThrow();
  });

  it('while others read and copy it, and after it was touched', () => {
    grow(db);
    checkpointer.settle();
    grow(db);
    const reader = openReader(path);
    reader.prepare('VACUUM INTO ?').run(join(folder, 'copy.db'));
    reader.close();
    utimesSync(path, 0, 0);
    expect(identity.lost()).toBeUndefined();
  });
});

describe('a database is lost', () => {
  it('to a copy that was written over it: no checkpoint writes to that', () => {
    copyFileSync(path, `${path}.before`);
    grow(db);
    checkpointer.settle();
    grow(db);
    copyFileSync(`${path}.before`, path);
    const restored = sizeOf();
    expect(identity.lost()).toBe(path);
    expect(() => checkpointer.settle()).toThrow(`lost ${path}`);
    checkpointer.finish();
    expect(sizeOf()).toBe(restored);
  });

  it('to another program that checkpoints what it wrote', () => {
    const other = openWriter(path, () => undefined);
    grow(other);
    expect(identity.lost()).toBeUndefined();
    other.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    other.close();
    expect(identity.lost()).toBe(path);
  });
});

describe('when a file was made', () => {
  it.each([
    [0n, 5n, undefined],
    [5n, 5n, undefined],
    [4n, 5n, '4'],
  ])('is taken from a birth of %s and a last change of %s as %s', (birthtimeNs, ctimeNs, born) => {
    expect(birthIn({ birthtimeNs, ctimeNs })).toBe(born);
  });

  it('is known at once, and kept over changes and a rename; a copy has its own', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    // A clock of few ticks a second may need one.
    const born = await until('it is known', () => bornAt(file));
    writeFileSync(file, 'more');
    utimesSync(file, 2e9, 2e9);
    renameSync(file, `${file}.moved`);
    expect(bornAt(`${file}.moved`)).toBe(born);
    copyFileSync(`${file}.moved`, file);
    expect(await until('it is known', () => bornAt(file))).not.toBe(born);
  });
});

function failing(): never {
  grow(db);
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  throw new Error('the disk is full');
}

/** Frames that come after what a reader sees stay in the WAL. */
function heldUp(): void {
  const reader = openReader(path);
  reader.exec('BEGIN; SELECT * FROM t');
  grow(db, checkpointFrames);
  checkpointer.afterCommit();
  reader.exec('ROLLBACK');
  reader.close();
}
