import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../helpers/daemon.ts';
import { forbidden } from '../helpers/forbidden.ts';

// The same invariant as posix-locks.test.ts, read off the source: it also sees what no operation reaches today.

const folder = join(root, 'daemon');
const files = globSync('**/*.ts', { cwd: folder });

describe('the source of the daemon', () => {
  it('opens databases in two files only, and never the files of the store with node:fs', () => {
    expect(files.length).toBeGreaterThan(20);
    expect(files.flatMap((file) => forbidden(file, readFileSync(join(folder, file), 'utf8')))).toEqual([]);
  });

  it.each([
    ['daemon.ts', "const db = new DatabaseSync(':memory:');"],
    ['daemon.ts', "import { DatabaseSync } from 'node:sqlite';"],
    ['daemon.ts', "import { backup, type DatabaseSync } from 'node:sqlite';"],
    ['ownership.ts', 'const text = readFileSync(paths.ownerLock);'],
    ['http/system.ts', 'await copyFile(store.paths.database, join(folder, "copy"));'],
    ['daemon.ts', 'createReadStream(`${path}-wal`)'],
    ['daemon.ts', 'await open(join(paths.data, "holdfast.db"))'],
    ['store/sqlite/store.ts', 'const bytes = await readFile(this.#path);'],
    ['store/sqlite/migrate.ts', 'flush(path);'],
  ])('red control: in %s `%s` is found', (file, source) => {
    expect(forbidden(file, source)).toHaveLength(1);
  });

  it.each([
    ['ownership.ts', 'new DatabaseSync(path)'],
    ['daemon.ts', "import type { DatabaseSync } from 'node:sqlite';"],
    ['store/sqlite/identity.ts', 'statSync(path)'],
    ['ownership.ts', 'readFileSync(paths.daemonFile)'],
    ['store/sqlite/migrate.ts', 'readFileSync(new URL("./migrations/", import.meta.url))'],
    ['store/sqlite/migrate.ts', 'flush(partial);'],
    ['daemon.ts', '// never readFileSync(paths.database)'],
  ])('in %s `%s` is allowed', (file, source) => {
    expect(forbidden(file, source)).toEqual([]);
  });
});
