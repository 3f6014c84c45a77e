import { spawnSync } from 'node:child_process';
import { cpSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root, TestHome } from '../helpers/daemon.ts';
import { furnish } from '../helpers/doctor.ts';

it('an installation whose daemon is missing says to install it again, and gives no other advice', async () => {
  await using home = new TestHome();
  furnish(home);
  writeFileSync(home.paths.database, 'x'.repeat(8192), { mode: 0o600 });
  const copy = join(home.home, 'holdfast');
  for (const part of ['client', 'shared', 'package.json'])
    cpSync(join(root, part), join(copy, part), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  const run = (command: string) => {
    const options = { env: { ...process.env, HOLDFAST_HOME: home.home }, encoding: 'utf8' } as const;
    const { stdout, stderr } = spawnSync(process.execPath, [join(copy, 'client', 'cli', 'main.ts'), command], options);
    return `${stdout}${stderr}`.replaceAll(/\s+/g, ' ');
  };
  const missing = `The daemon is missing in ${join(copy, 'daemon')}: install holdfast again.`;
  expect(run('start')).toContain(missing);
  expect(run('start')).not.toContain('writable');
  const found = run('doctor');
  expect(found).toContain(`The database could not be checked: ${missing} `);
  // Red control: with a daemon, another thing is found.
  cpSync(join(root, 'daemon'), join(copy, 'daemon'), { recursive: true });
  expect(run('doctor')).toContain('The database could not be checked: file is not a database. ');
});
