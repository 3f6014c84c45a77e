import { execFile } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from './daemon.ts';

const run = promisify(execFile);

/** Packs holdfast as npm would publish it, and installs that into a project far from this repository; answers its folder. */
export async function installPackage(project: string): Promise<string> {
  const output = join(project, 'output');
  await run(process.execPath, [join(root, 'test', 'helpers', 'build.ts'), output]);
  const pack = ['pack', '--silent', '--pack-destination', project, output];
  const { stdout } = await run('npm', pack, {
    cwd: project,
    env: { ...process.env, npm_config_cache: join(project, 'cache') },
  });
  await run('tar', ['-xzf', join(project, stdout.trim()), '-C', project]);
  rmSync(output, { recursive: true });
  mkdirSync(join(project, 'node_modules'));
  const installed = join(project, 'node_modules', 'holdfast');
  renameSync(join(project, 'package'), installed);
  symlinkSync(join(root, 'node_modules', 'zod'), join(project, 'node_modules', 'zod'));
  writeFileSync(join(project, 'package.json'), JSON.stringify({ type: 'module' }));
  return installed;
}
