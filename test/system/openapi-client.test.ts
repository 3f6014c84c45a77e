import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { curl } from '../helpers/curl.ts';
import { root, TestHome } from '../helpers/daemon.ts';

// A client that strangers make from /v1/openapi.json, with the tools that they use: its types hold, and its calls work.

const run = promisify(execFile);
// The generator needs a TypeScript of before 7, so it is no dependency.
const packages = ['openapi-typescript@7.13.0', 'openapi-fetch@0.17.0', 'typescript@5.9.3'];
const cache = join(root, 'node_modules', '.cache', 'holdfast-openapi');

let home: TestHome;
let project: string;

beforeAll(async () => {
  home = new TestHome();
  await home.start();
  project = mkdtempSync(join(tmpdir(), 'holdfast-openapi-'));
  mkdirSync(cache, { recursive: true });
  writeFileSync(join(cache, 'package.json'), '{}');
  // What cannot be fetched fails the test: it does not pass by skipping.
  await run('npm', ['install', '--no-save', '--no-package-lock', '--prefer-offline', ...packages], { cwd: cache });
  symlinkSync(join(cache, 'node_modules'), join(project, 'node_modules'));
  copyFileSync(join(root, 'test', 'fixtures', 'openapi', 'application.ts'), join(project, 'application.ts'));
  const { text } = await curl(home.paths.socket, 'GET', '/v1/openapi.json');
  writeFileSync(join(project, 'openapi.json'), text);
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
}, 120_000);
afterAll(async () => {
  rmSync(project, { recursive: true, force: true });
  await home[Symbol.asyncDispose]();
});

/** The errors of the types of the application with what was made; empty when there are none. */
async function typeErrors(): Promise<string> {
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2022',
    lib: ['es2023', 'dom', 'dom.iterable', 'dom.asynciterable'],
    strict: true,
    exactOptionalPropertyTypes: true,
    types: ['node'],
    typeRoots: [join(root, 'node_modules', '@types')],
  };
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['application.ts'] }));
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  return run(process.execPath, [tsc, '--project', project]).then(
    ({ stdout }) => stdout,
    (error: unknown) => (error as { stdout: string }).stdout,
  );
}

it('openapi-typescript and openapi-fetch make a client of it, whose types hold and whose calls work', async () => {
  const generator = join(cache, 'node_modules', 'openapi-typescript', 'bin', 'cli.js');
  await run(process.execPath, [generator, join(project, 'openapi.json'), '--output', join(project, 'api.d.ts')]);
  expect(await typeErrors()).toBe('');
  const { stdout } = await run(process.execPath, [join(project, 'application.js'), home.paths.socket]);
  expect(JSON.parse(stdout)).toEqual({
    put: 201,
    sameRevision: true,
    names: ['one'],
    wrong: 'invalid_input',
    held: 200,
    stale: [412, 'stale', true],
    known: 'stale',
    unknown: 'ambiguous',
    lines: 3,
    events: 5,
  });

  // Red control: what the document does not say is an error of the types.
  const made = readFileSync(join(project, 'api.d.ts'), 'utf8');
  writeFileSync(join(project, 'api.d.ts'), made.replaceAll('if-match', 'if-other'));
  expect(await typeErrors()).toMatch(/'if-match'+ does not exist/);
});
