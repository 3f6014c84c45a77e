import { execFile } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../helpers/daemon.ts';
import { edgesOf } from '../helpers/imports.ts';
import { Tree } from '../helpers/tree.ts';

// "A new kind of plain record is four new files and two one-line edits": done here, to a copy of the tree.

const toy = join(root, 'test', 'fixtures', 'toy-kind');
const run = promisify(execFile);
const house = ['package.json', 'tsconfig.json', 'vitest.config.ts', 'shared', 'daemon', 'client'];
const schema = 'shared/resources/notes.ts';
const functions = 'daemon/store/resources/notes.ts';
const test = 'test/integration/notes.test.ts';
const registries = ['shared/kinds.ts', 'daemon/store/kinds.ts'] as const;

/** A helper and all helpers that it imports. */
function helpers(file: string): string[] {
  const edges = edgesOf(file, readFileSync(join(root, file), 'utf8'));
  return [file, ...edges.flatMap(({ target }) => (target.startsWith('test/') ? helpers(target) : []))];
}

let tree: Tree;
beforeAll(
  () =>
    (tree = new Tree([
      ...house,
      ...['curl', 'daemon', 'prebuild'].flatMap((name) => helpers(`test/helpers/${name}.ts`)),
    ])),
);
afterAll(() => tree[Symbol.dispose]());

/** Adds the one line of a kind to a registry, beside the others. */
function register(registry: string): void {
  const text = readFileSync(tree.file(registry), 'utf8');
  writeFileSync(tree.file(registry), `${text}export * as notes from './resources/notes.ts';\n`);
}

/** Runs a program of node_modules in the copy; answers its exit code and what it said. */
async function tool(module: string, ...args: string[]): Promise<{ code: unknown; text: string }> {
  try {
    const command = [join(root, 'node_modules', module), ...args];
    const { stdout, stderr } = await run(process.execPath, command, { cwd: tree.root, maxBuffer: 1e8 });
    return { code: 0, text: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: unknown; stdout: string; stderr: string };
    return { code, text: stdout + stderr };
  }
}
const types = () => tool('typescript/bin/tsc', '--noEmit');

/** The files that differ from the repository, with the lines that were added to and removed from each. */
function changes(): Record<string, { added: number; removed: number }> {
  const files = readdirSync(tree.root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('node_modules'))
    .map((entry) => join(entry.parentPath, entry.name).slice(tree.root.length + 1));
  const found = files.map((file): [string, { added: number; removed: number }] => {
    const [now, before] = [linesOf(tree.root, file), linesOf(root, file)];
    const added = now.filter((line) => !before.includes(line)).length;
    const removed = before.filter((line) => !now.includes(line)).length;
    // A change of order or of repeated lines shows in the number of lines, or as the whole.
    return [file, now.join('\n') === before.join('\n') ? { added: 0, removed: 0 } : { added, removed }];
  });
  return Object.fromEntries(found.filter(([, { added, removed }]) => added + removed > 0));
}

function linesOf(folder: string, file: string): string[] {
  try {
    return readFileSync(join(folder, file), 'utf8').split('\n');
  } catch {
    return [];
  }
}

describe('a new kind of plain record', () => {
  it('without what it does is a compile error that names it', async () => {
    for (const file of [schema, test]) {
      cpSync(join(toy, file), tree.file(file), { recursive: true });
    }
    register(registries[0]);
    const { code, text } = await types();
    expect(code).not.toBe(0);
    expect(text).toMatch(/^daemon\/store\/ops\.ts.*notes/ms);
    // Nothing else is wrong with the copy.
    const places = text.match(/^\S+(?=\(\d+,\d+\): error)/gm) ?? [];
    expect(new Set(places)).toEqual(new Set(['daemon/store/ops.ts']));
  });

  it('with one operation left out is a compile error that names it', async () => {
    const source = readFileSync(join(toy, functions), 'utf8');
    writeFileSync(tree.file(functions), source.replace('export { remove as delete };', 'void remove;'));
    register(registries[1]);
    expect((await types()).text).toMatch(/^daemon\/store\/ops\.ts.*delete/ms);
  });

  it('is four new files and two one-line edits, and its types hold', async () => {
    cpSync(join(toy, functions), tree.file(functions));
    const migration = `daemon/store/sqlite/migrations/${tree.nextMigration}-notes.sql`;
    cpSync(join(toy, 'notes.sql'), tree.file(migration));
    const changed = changes();
    expect(Object.keys(changed).toSorted()).toEqual([schema, functions, migration, test, ...registries].toSorted());
    for (const registry of registries) {
      expect(changed[registry]).toEqual({ added: 1, removed: 0 });
      expect(linesOf(tree.root, registry)).toHaveLength(linesOf(root, registry).length + 1);
    }
    expect(await types()).toEqual({ code: 0, text: '' });
  });

  it('works: client, idempotency, revisions and OpenAPI need no more', async () => {
    const output = tree.file('report.json');
    const options = ['--project', 'integration', '--reporter=json', `--outputFile=${output}`];
    expect(await tool('vitest/vitest.mjs', 'run', ...options, test)).toMatchObject({ code: 0 });
    const report = JSON.parse(readFileSync(output, 'utf8')) as { numPassedTests: number; numTotalTests: number };
    expect([report.numPassedTests, report.numTotalTests]).toEqual([4, 4]);
  });
});
