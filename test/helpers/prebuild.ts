import { globSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive } from '../../client/start-lock.ts';
import { bundleDaemon, bundlePrograms, root } from './bundle.ts';

// Vitest runs this before the tests. They start well over a thousand processes, and most of a start is reading and compiling
// many small files: so the daemon, the command line and the tests' own processes are each put into one file first, as they are
// for npm. A stack names its source lines with NODE_OPTIONS=--enable-source-maps, which costs half of a start. With an empty
// HOLDFAST_TEST_BUILT all of it runs from its sources.

export default async function prebuild(): Promise<(() => void) | undefined> {
  if (process.env['HOLDFAST_TEST_BUILT'] === '') return;
  // Inside the checkout: some tests hide /tmp from a daemon.
  const cache = join(root, 'node_modules', '.cache');
  const folder = join(cache, `holdfast-test-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  // A run that was killed has left its own.
  for (const name of readdirSync(cache)) {
    const [, pid] = /^holdfast-test-(\d+)$/.exec(name) ?? [];
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(cache, name), { recursive: true, force: true });
  }
  const processes = globSync('test/{integration,crash,system}/**/*-process.ts', { cwd: root });
  // What does not build, which esbuild then says, runs from its sources: the tests that need it tell more.
  await Promise.allSettled([
    bundleDaemon(join(folder, 'daemon'), { sourcemap: true }),
    bundlePrograms(folder, ['client/cli/main.ts', ...processes]),
  ]);
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n');
  process.env['HOLDFAST_TEST_BUILT'] = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}
