import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { schemaVersion } from '../../daemon/store/sqlite/migrate.ts';
import { root, type SpawnOptions } from './daemon.ts';

/** A copy of the source, to be changed: a later version of holdfast. Disposing removes it. */
export class Tree implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), 'holdfast-tree-'));
  /** Where the next migration belongs: `0002`. */
  readonly nextMigration = String(schemaVersion + 1).padStart(4, '0');

  constructor(parts: string[] = ['package.json', 'daemon', 'shared']) {
    for (const part of parts) cpSync(join(root, part), join(this.root, part), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(this.root, 'node_modules'));
  }

  /** Options with which TestHome starts the daemon of this tree instead of ours. */
  get daemon(): SpawnOptions {
    // The helper appends our Node and our entry: the first becomes $0, the second is not passed on.
    return { wrapper: ['sh', '-c', `exec "$0" '${join(this.root, 'daemon', 'main.ts')}'`] };
  }

  /** Adds the next migration, or replaces it. */
  migrate(sql: string): void {
    writeFileSync(this.file(`daemon/store/sqlite/migrations/${this.nextMigration}-made-up.sql`), sql);
  }

  file(path: string): string {
    return join(this.root, path);
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
