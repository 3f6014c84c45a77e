import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AutostartHome } from '../helpers/autostart.ts';
import { root } from '../helpers/daemon.ts';
import { edgesOf } from '../helpers/imports.ts';
import { installPackage } from '../helpers/installed.ts';

// The client on each runtime it promises, as an application has it: from the packed package, compiled by a tsc of its own, and
// a daemon that the application itself starts, and starts again after it was killed, on Node 26.

const run = promisify(execFile);
const processor = { x64: 'x64', arm64: 'aarch64' }[process.arch as 'x64' | 'arm64'];
/** Each by the npm package that holds its executable. */
const packages = {
  node22: `node-linux-${process.arch}@22.23.3`,
  node24: `node-linux-${process.arch}@24.21.0`,
  bun: `@oven/bun-linux-${processor}@1.4.5`,
};
const cache = join(root, 'node_modules', '.cache', 'holdfast-runtimes');
const runtimes: Record<string, string> = {
  node22: join(cache, 'node_modules', 'node22', 'bin', 'node'),
  node24: join(cache, 'node_modules', 'node24', 'bin', 'node'),
  node26: process.execPath,
  bun: join(cache, 'node_modules', 'bun', 'bin', 'bun'),
};

let project: string;
let installed: string;

beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), 'holdfast-runtimes-'));
  mkdirSync(cache, { recursive: true });
  writeFileSync(join(cache, 'package.json'), '{}');
  const aliases = Object.entries(packages).map(([name, version]) => `${name}@npm:${version}`);
  // What cannot be fetched fails the tests: none passes by skipping.
  await run('npm', ['install', '--no-save', '--no-package-lock', '--prefer-offline', ...aliases], { cwd: cache });
  installed = await installPackage(project);
  copyFileSync(join(root, 'test', 'fixtures', 'runtimes', 'application.ts'), join(project, 'application.ts'));
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2022',
    lib: ['es2023', 'esnext.disposable'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    types: ['node'],
    typeRoots: [join(root, 'node_modules', '@types')],
  };
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['application.ts'] }));
  await run(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '--project', project]);
}, 120_000);
afterAll(() => rmSync(project, { recursive: true, force: true }));

const kept = ['a', 'after', 'b', 'c'];
const expected = {
  records: {
    revision: true,
    exact: true,
    stale: '412 stale false',
    exists: '409 exists false',
    missing: '404 not_found false',
    invalid: '400 invalid_input false',
    path: '/v1/apps/{app}/feeds/{name}',
  },
  conversation: { order: true, exported: 100, listed: 1, found: 1, last: [101, 'whole'] },
  credentials: { tokens: 1, refreshes: 1 },
  batches: { done: [201, 201], refused: '409 exists false', undone: '404 not_found false' },
  ends: {
    aborted: 'AbortError',
    timedOut: 'TimeoutError',
    absent: '503 unavailable true',
    closed: '503 unavailable true',
    again: 3,
  },
  killed: { name: 'after', same: false, kept },
};

describe.each(Object.keys(runtimes))('on %s', (name) => {
  const runtime = runtimes[name] ?? '';
  const about = { ...process.env, HOLDFAST_NO_AUTOSTART: '', HOLDFAST_NODE: process.execPath };

  it('an application does all that the client offers, and starts its daemon by itself', async () => {
    await using home = new AutostartHome();
    const env = { ...about, HOLDFAST_HOME: home.home };
    const { stdout, stderr } = await run(runtime, ['application.js'], { cwd: project, env });
    expect([JSON.parse(stdout), stderr]).toEqual([expected, '']);
  });

  it('is the runtime that it is called', async () => {
    const { stdout } = await run(runtime, [
      '-p',
      'process.versions.bun ? "bun" : "node" + parseInt(process.versions.node)',
    ]);
    expect(stdout.trim()).toBe(name);
  });

  it('the command line works', async () => {
    await using home = new AutostartHome();
    const env = { ...about, HOLDFAST_HOME: home.home };
    const holdfast = (...args: string[]) => run(runtime, [join(installed, 'client/cli/main.js'), ...args], { env });
    expect((await holdfast('start')).stderr).toMatch(/is running/);
    expect(JSON.parse((await holdfast('status', '--json')).stdout)).toMatchObject({ state: 'running', health: 'ok' });
    expect(JSON.parse((await holdfast('sessions', 'list', '--app', 'x', '--json')).stdout)).toMatchObject({
      sessions: [],
    });
    expect((await holdfast('stop')).stderr).toMatch(/has stopped/);
  });
});

/** Every module that a module leads to, and every package. */
function reached(entry: string): { files: Set<string>; packages: Set<string> } {
  const [files, found] = [new Set<string>(), new Set<string>()];
  const visit = (file: string) => {
    if (files.has(file)) return;
    files.add(file);
    for (const { target } of edgesOf(file, readFileSync(join(installed, file), 'utf8'))) {
      if (/^(client|shared)\//.test(target)) visit(target);
      else if (!target.startsWith('node:')) found.add(target);
    }
  };
  visit(entry);
  return { files, packages: found };
}

describe('the built client', () => {
  it('depends on nothing beyond zod and Node', () => {
    const { files, packages: named } = reached('client/index.js');
    expect([...named]).toEqual(['zod']);
    // It was read: the parts that are loaded later are among them.
    expect(files).toContain('client/autostart.js');
    expect([...files].filter((file) => file.startsWith('client/cli/'))).toEqual([]);
  });

  it('brings types for each of its modules, and no syntax that Node 22 lacks', async () => {
    const modules = [...reached('client/index.js').files, ...reached('shared/contract.js').files];
    const types = readdirSync(installed, { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('.d.ts'),
    );
    for (const file of modules) {
      expect(types).toContain(file.replace(/\.js$/, '.d.ts'));
      expect(readFileSync(join(installed, file), 'utf8')).not.toMatch(/\busing \w+ =/);
    }
    // Red control: what is looked for is what that Node does not take.
    const refused = run(runtimes['node22'] ?? '', ['--input-type=module', '--eval', 'await using x = null;']);
    await expect(refused).rejects.toThrow('SyntaxError');
  });
});
