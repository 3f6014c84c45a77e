import { chmodSync, copyFileSync, existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { uuidv7 } from '../../client/index.ts';
import { root, TestHome } from './daemon.ts';
import { fill, reads, replays } from './schema-content.ts';
import { reveals } from './schema-credentials.ts';
import { ask, fixtures, type Recorded } from './schema-fixture.ts';

// Makes test/fixtures/schema/NNNN.db, NNNN.key and NNNN.json with the daemon of this tree: a database of the current schema, its
// root key, and what reads of it answer. Once a schema is released its files never change again: every later holdfast must open them.
//
//   node test/helpers/make-schema-fixture.ts             for a schema that has no files yet
//   node test/helpers/make-schema-fixture.ts --replace   while the schema is not released

const apps = ['first', 'second'] as const;

await using home = new TestHome();
const daemon = await home.start();
const [first, second] = apps.map((app) => home.client({ app }));
if (!first || !second) throw new Error('no clients');
const { schemaVersion, version } = await first.system.version();
const name = String(schemaVersion).padStart(4, '0');
const database = join(fixtures, `${name}.db`);
if (existsSync(database) && !process.argv.includes('--replace')) {
  throw new Error(`${database} exists. If schema ${schemaVersion} was never released, add --replace.`);
}

await fill(first, second);
const recorded: Recorded = { schemaVersion, version, replays: [], reads: [] };
for (const { method, path, body } of replays) {
  const call = { app: 'first', method, path, key: uuidv7(), ...(body && { body: JSON.stringify(body) }) };
  const { status, json } = await ask(home.paths.socket, call);
  if (status >= 300) throw new Error(`${method} ${path} answered ${status}: ${JSON.stringify(json)}`);
  recorded.replays.push({ ...call, status, answer: json });
}
for (const app of apps) {
  const asked = [
    ...reads.map((path) => ({ method: 'GET', path })),
    ...reveals.map((path) => ({ method: 'POST', path, body: '{}' })),
  ];
  for (const one of asked) {
    const call = { app, ...one };
    const { status, json } = await ask(home.paths.socket, call);
    recorded.reads.push({ ...call, status, answer: json });
  }
}
const { code } = await daemon.end();
if (code !== 0) throw new Error(`the daemon ended with ${code}: ${daemon.stderr}`);

mkdirSync(fixtures, { recursive: true });
rmSync(database, { force: true });
copyFileSync(home.paths.database, database);
copyFileSync(home.paths.rootKey, join(fixtures, `${name}.key`));
chmodSync(join(fixtures, `${name}.key`), 0o644);
const db = new DatabaseSync(database);
// Its revisions are to be the same wherever it is copied to.
db.exec("DELETE FROM meta WHERE name = 'file'");
db.exec('VACUUM; PRAGMA wal_checkpoint(TRUNCATE)');
db.close();
chmodSync(database, 0o644);
writeFileSync(join(fixtures, `${name}.json`), `${JSON.stringify(recorded, null, 1)}\n`);
process.stdout.write(`${database.slice(root.length + 1)}: ${statSync(database).size} bytes\n`);
