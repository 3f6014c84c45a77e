import { describe, expect, it } from 'vitest';
import { root } from '../helpers/daemon.ts';
import { edgesOf, readSources, violations } from '../helpers/imports.ts';

describe('the house', () => {
  it('keeps its import rules', () => {
    const sources = readSources(root);
    // The reader found the house, and its imports: nothing below passes because nothing was read.
    expect(sources.size).toBeGreaterThan(30);
    const edges = [...sources].flatMap(([file, text]) => edgesOf(file, text));
    expect(edges.length).toBeGreaterThan(sources.size * 2);
    expect(violations(sources)).toEqual([]);
  });

  it('has every form of import that the reader must know, or knows it from here', () => {
    const text = `
      import './a.ts';
      import type { B } from './b.ts';
      import {
        c,
      } from './c.ts';
      export * as d from './d.ts';
      export { e } from "./e.ts";
      const f = await import('./f.ts');
      let g: import('./g.ts').G;
      const file = 'x' === 'y' ? './h.ts' : './h.js';
      new Worker(new URL('./i.ts', import.meta.url));
      import sqlite, { type DatabaseSync } from 'node:sqlite';
      process.getBuiltinModule('node:fs');
      // import './commented.ts';
      /* Says import './told.ts'
       * from './told-too.ts' */
      export type * from './j.ts';`;
    const targets = edgesOf('daemon/x.ts', text).map(({ target }) => target);
    expect(targets.toSorted()).toEqual(
      [...'abcdefghij'.split('').map((name) => `daemon/${name}.ts`), 'node:fs', 'node:sqlite'].toSorted(),
    );
  });
});

// Files made up to break one rule each, to see that the checker can fail, and that it says file, import and why.
const broken: [name: string, files: Record<string, string>, message: RegExp][] = [
  [
    'shared imports a package',
    { 'shared/a.ts': "import f from 'fastify';" },
    /^shared\/a\.ts imports 'fastify': .*zod/,
  ],
  [
    'shared imports the daemon, for a type',
    { 'shared/a.ts': "import type { X } from '../daemon/exit.ts';", 'daemon/exit.ts': 'export type X = 1;' },
    /^shared\/a\.ts imports '\.\.\/daemon\/exit\.ts': .*contract/,
  ],
  [
    'client imports daemon',
    {
      'client/a.ts': "export * from '../daemon/exit.ts';\nexport const a = 1;",
      'daemon/exit.ts': 'export const x = 1;',
    },
    /^client\/a\.ts imports '\.\.\/daemon\/exit\.ts': .*meet in shared/,
  ],
  [
    'daemon imports client, dynamically',
    { 'daemon/a.ts': "await import('../client/index.ts');", 'client/index.ts': 'export const x = 1;' },
    /^daemon\/a\.ts imports '\.\.\/client\/index\.ts': .*meet in shared/,
  ],
  ['client imports a package', { 'client/a.ts': "import x from 'got';" }, /^client\/a\.ts imports 'got': .*thin/],
  [
    'the library imports what is for one command',
    { 'client/a.ts': "import { parseXml } from '@rgrove/parse-xml';" },
    /^client\/a\.ts imports '@rgrove\/parse-xml': .*thin/,
  ],
  [
    'client imports the values of zod',
    { 'client/a.ts': "import * as z from 'zod';" },
    /^client\/a\.ts imports 'zod': .*types/,
  ],
  [
    'an operation imports a builtin',
    { 'daemon/store/resources/a.ts': "import { readFileSync } from 'node:fs';" },
    /^daemon\/store\/resources\/a\.ts imports 'node:fs': .*another database engine/,
  ],
  [
    'an operation imports the engine, in a folder of its own',
    {
      'daemon/store/resources/a/b.ts': "import { openWriter } from '../../sqlite/connection.ts';",
      'daemon/store/sqlite/connection.ts': 'export const openWriter = 1;',
    },
    /^daemon\/store\/resources\/a\/b\.ts imports '\.\.\/\.\.\/sqlite\/connection\.ts': .*another database engine/,
  ],
  [
    'the seam imports the engine',
    { 'daemon/store/tx.ts': "import { DatabaseSync } from 'node:sqlite';" },
    /^daemon\/store\/tx\.ts imports 'node:sqlite': .*seam/,
  ],
  [
    'HTTP imports the engine',
    {
      'daemon/http/a.ts': "import type { X } from '../store/sqlite/store.ts';",
      'daemon/store/sqlite/store.ts': 'export type X = 1;',
    },
    /^daemon\/http\/a\.ts imports '\.\.\/store\/sqlite\/store\.ts': .*Store interface/,
  ],
  [
    'a worker is started across the border',
    { 'daemon/a.ts': "new Worker(new URL('../client/b.ts', import.meta.url));", 'client/b.ts': 'export const b = 1;' },
    /^daemon\/a\.ts imports '\.\.\/client\/b\.ts'/,
  ],
  ['an import by a computed name', { 'shared/a.ts': 'await import(name);' }, /^shared\/a\.ts imports '\(name\)': /],
  [
    'an import of nothing',
    { 'shared/a.ts': "import './gone.ts';" },
    /^shared\/a\.ts imports '\.\/gone\.ts': .*no such file/,
  ],
  ...[
    "process.env['X']",
    'process?.env',
    "process['env']",
    'const { env } = process',
    "import { env } from 'node:process'",
  ].map((code): (typeof broken)[number] => [
    `the environment is read as ${code}`,
    { 'daemon/logger.ts': `${code};` },
    /^daemon\/logger\.ts has 'process\.env', which belongs in .*daemon\/config\.ts.*disagree/,
  ]),
  [
    'a database is opened elsewhere',
    { 'daemon/store/sqlite/store.ts': "const db = new DatabaseSync('x');" },
    /^daemon\/store\/sqlite\/store\.ts has 'new DatabaseSync', which belongs in .*connection\.ts/,
  ],
  [
    'a circle of one',
    { 'shared/a.ts': "import * as self from './a.ts';" },
    /^shared\/a\.ts imports 'shared\/a\.ts': a circle/,
  ],
  [
    'a circle of three, closed by a type',
    {
      'daemon/a.ts': "import { b } from './b.ts';",
      'daemon/b.ts': "import { c } from './c.ts';",
      'daemon/c.ts': "import type { A } from './a.ts';",
    },
    /a circle, daemon\/a\.ts -> daemon\/b\.ts -> daemon\/c\.ts -> daemon\/a\.ts/,
  ],
  ...[
    "export * from './b.ts';",
    "import { b } from './b.ts';\nexport { b };",
    "// All of it.\nexport {\n  b,\n} from './b.ts';",
  ].map((code): (typeof broken)[number] => [
    `a barrel: ${code}`,
    { 'daemon/store/index.ts': code, 'daemon/store/b.ts': 'export const b = 1;' },
    /^daemon\/store\/index\.ts only re-exports/,
  ]),
  ['a long file', { 'shared/a.ts': 'export const a = 1;\n'.repeat(201) }, /^shared\/a\.ts has 201 lines/],
];

describe('the checker refuses', () => {
  it.each(broken)('%s', (_name, files, message) => {
    const found = violations(new Map(Object.entries(files)));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(message);
  });

  it('nothing that is allowed', () => {
    const allowed = {
      'client/a.ts': "import type * as z from 'zod';\nimport { b } from '../shared/b.ts';\nimport 'node:http';",
      'client/cli/main.ts': "process.env['X'];",
      'client/cli/config/yaml.ts': "import { parse } from 'yaml';",
      'client/cli/feeds/xml.ts': "import { parseXml } from '@rgrove/parse-xml';",
      'shared/b.ts': `${'export const b = 1;\n'.repeat(199)}// process.env is not read here, nor new DatabaseSync\n`,
      'shared/kinds.ts': "export * as b from './b.ts';",
      'daemon/ownership.ts': "import { DatabaseSync } from 'node:sqlite';\nnew DatabaseSync('x');",
      'daemon/store/resources/c.ts': "import '../tx.ts';\nimport './c/d.ts';\nimport '../../../shared/b.ts';",
      'daemon/store/resources/c/d.ts': 'export const d = 1;',
      'daemon/store/tx.ts': 'export const tx = 1;',
    };
    expect(violations(new Map(Object.entries(allowed)))).toEqual([]);
  });
});
