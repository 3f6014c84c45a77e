import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { programIn } from '../../client/service-manager.ts';
import { root } from '../helpers/daemon.ts';
import { readAgent } from '../helpers/plist.ts';
import { ServiceHome, type Options } from '../helpers/service.ts';

// What users of other services suffered: a Node that moved, a name in a list that nobody knows. Managers take notes only.

const start = (home: ServiceHome, options: Options = {}) => {
  const module = JSON.stringify(join(root, 'client', 'service-manager.ts'));
  const code = `console.log(await (await import(${module})).startByManager(process.env));`;
  return home.node(['--input-type=module', '--eval', code], options);
};
/** A Node whose name has what a unit or a plist takes for its own, and may be removed. */
function movingNode({ home }: ServiceHome): string {
  const node = join(home, '.config', 'it\'s "new" 100% $HOME & <26>', 'node');
  mkdirSync(dirname(node));
  writeFileSync(node, `#!/bin/sh\nexec '${process.execPath}' "$@"\n`, { mode: 0o755 });
  return node;
}

describe.each(['linux', 'darwin'] as const)('on %s', (platform) => {
  it('pingdotgg/t3code#11054: a service whose Node is gone is not waited for, and status says what to do', async () => {
    using home = new ServiceHome();
    const node = movingNode(home);
    const named = { platform, env: { HOLDFAST_NODE: node } };
    expect(await home.service(['install'], named)).toMatchObject({ code: 0, stderr: '' });
    const file = platform === 'linux' ? home.unit : home.plist;
    expect(programIn(readFileSync(file, 'utf8'))).toEqual([node, join(root, 'daemon', 'main.ts')]);
    home.asked();
    // Red control: while it is there the service is started.
    expect(await start(home, { platform })).toMatchObject({ stdout: 'true\n', stderr: '' });
    expect(home.asked()).toHaveLength(1);
    rmSync(node);
    expect(await start(home, { platform })).toMatchObject({ stdout: 'false\n', stderr: '' });
    expect(home.asked()).toEqual([]);
    const { stdout } = await home.service(['status'], { platform });
    expect(stdout).toContain("It differs from what 'holdfast service install' would write now: run that.");
  });
});

it('Unitech/pm2#3253: the Node of the service is gone: the next call starts the daemon all the same', async () => {
  using home = new ServiceHome();
  const node = movingNode(home);
  await home.service(['install'], { env: { HOLDFAST_NODE: node } });
  rmSync(node);
  const holdfast = (...args: string[]) => home.node([join(root, 'client', 'cli', 'main.ts'), ...args]);
  try {
    expect(await holdfast('start')).toMatchObject({ code: 0, stderr: expect.stringContaining('is running') as string });
  } finally {
    expect(await holdfast('stop')).toMatchObject({ code: 0, stderr: expect.stringContaining('has stopped') as string });
  }
});

it('lerd-env/lerd#1213: what is installed is the lasting name of a Node in a folder of its version', async () => {
  using home = new ServiceHome();
  // As Homebrew lays it out.
  const keg = join(home.fake, 'Cellar', 'node', '26.1.0', 'bin');
  mkdirSync(keg, { recursive: true });
  mkdirSync(join(home.fake, 'opt'));
  symlinkSync(join(home.fake, 'Cellar', 'node', '26.1.0'), join(home.fake, 'opt', 'node'));
  writeFileSync(join(keg, 'node'), `#!/bin/sh\nexec '${process.execPath}' "$@"\n`, { mode: 0o755 });
  const module = JSON.stringify(join(root, 'client', 'cli', 'service', 'program.ts'));
  const code = `
    const execPath = process.argv.at(-1);
    process.execPath = execPath;
    console.log((await import(${module})).findProgram({}).node);`;
  const { stdout, stderr } = await home.node(['--input-type=module', '--eval', code, join(keg, 'node')]);
  expect([stdout.trim(), stderr]).toEqual([join(home.fake, 'opt', 'node', 'bin', 'node'), '']);
  expect(realpathSync(stdout.trim())).toBe(join(keg, 'node'));
});

it('scgopi/GraphCode#106: install on a Mac says under which name Login Items shows it', async () => {
  using home = new ServiceHome();
  const { stdout } = await home.service(['install'], { platform: 'darwin' });
  const { ProgramArguments } = readAgent(readFileSync(home.plist, 'utf8'));
  const [node = ''] = ProgramArguments as string[];
  expect(stdout).toContain(
    `Login Items, as an item of '${node.split('/').at(-1)}'. Switched off there, it does not start.`,
  );
  // Red control: where there are no Login Items, nothing is said of them.
  expect((await home.service(['install'])).stdout).not.toContain('Login Items');
  expect(existsSync(home.unit)).toBe(true);
});
