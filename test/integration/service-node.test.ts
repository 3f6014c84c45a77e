import { cpSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stablePath } from '../../client/cli/service/program.ts';
import { root } from '../helpers/daemon.ts';
import { ServiceHome } from '../helpers/service.ts';

describe('the path of a Node that lasts', () => {
  const links: Record<string, string> = {
    '/opt/homebrew/opt/node@26/bin/node': '/opt/homebrew/Cellar/node@26/26.1.0/bin/node',
    '/home/linuxbrew/.linuxbrew/opt/node/bin/node': '/home/linuxbrew/.linuxbrew/Cellar/node/27.0.0/bin/node',
    '/run/current-system/sw/bin/node': '/nix/store/abc-nodejs-26.1.0/bin/node',
    '/p/global/5/node_modules/holdfast/daemon/holdfastd.js':
      '/p/global/5/node_modules/.pnpm/holdfast@1.0.0_zod@4/node_modules/holdfast/daemon/holdfastd.js',
  };
  const resolve = (path: string) => {
    const real = links[path];
    if (real === undefined) throw new Error('ENOENT');
    return real;
  };

  it.each(Object.entries(links))('Unitech/pm2#3253: is %s', (lasting, real) =>
    expect(stablePath(real, resolve)).toBe(lasting),
  );

  it.each([
    '/usr/bin/node',
    // What nvm calls current may be an older Node tomorrow.
    '/home/x/.nvm/versions/node/v26.1.0/bin/node',
    // Its link is gone, or already the one of another version.
    '/opt/homebrew/Cellar/node/26.1.0/bin/node',
    '/opt/homebrew/Cellar/node@26/26.0.0/bin/node',
  ])('is %s itself where nothing lasts longer', (real) => expect(stablePath(real, resolve)).toBe(real));
});

describe('holdfast service install', () => {
  it('refuses a Node that is none, before anything is written', async () => {
    using home = new ServiceHome();
    const before = home.tree();
    const { code, stderr } = await home.service(['install'], { env: { HOLDFAST_NODE: '/bin/false' } });
    expect([code, stderr]).toEqual([69, expect.stringContaining('HOLDFAST_NODE is /bin/false')]);
    expect([home.tree(), home.asked()]).toEqual([before, []]);
  });

  it.each([
    ['_npx', 1],
    // Red control: the same copy in a folder that stays.
    ['opt', 0],
  ])('run from %s answers %i: what npx fetched is soon cleared', async (folder, expected) => {
    using home = new ServiceHome();
    const copy = join(home.fake, folder, 'holdfast');
    for (const part of ['client', 'shared', 'daemon', 'systemd', 'package.json']) {
      cpSync(join(root, part), join(copy, part), { recursive: true });
    }
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    const { code, stderr } = await home.node([join(copy, 'client', 'cli', 'main.ts'), 'service', 'install']);
    expect([code, /npm install --global holdfast/.test(stderr)]).toEqual([expected, expected === 1]);
  });
});
