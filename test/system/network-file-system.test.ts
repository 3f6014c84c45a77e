import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TestHome } from '../helpers/daemon.ts';
import { fuse } from '../helpers/namespace.ts';

// Invariant: where file locks cannot be trusted the daemon refuses to own anything, says where to go, and leaves no
// file behind. It goes by the type in /proc/self/mountinfo: statfs calls sshfs and a local FUSE the same.

/** A home whose data directory lies on FUSE. */
async function onFuse(home: TestHome, options: string[]) {
  const behind = join(home.home, 'behind');
  for (const folder of [behind, home.paths.data]) mkdirSync(folder, { mode: 0o700 });
  return { behind, namespace: await fuse(behind, home.paths.data, options) };
}

describe('a network file system', () => {
  it.each(['sshfs', 'rclone', 's3fs'])(
    'anomalyco/opencode#14970: fuse.%s is refused with 78 and the advice to move HOLDFAST_HOME',
    async (type) => {
      await using home = new TestHome();
      const { behind, namespace } = await onFuse(home, ['-o', `subtype=${type}`]);
      await using _ = namespace;
      const daemon = home.spawn({ wrapper: namespace.wrapper });
      expect((await daemon.exited).code).toBe(78);
      expect(daemon.stderr).toContain(`${home.paths.data} lies on a network file system (fuse.${type})`);
      expect(daemon.stderr).toContain('Set HOLDFAST_HOME to a directory on a local disk');
      expect([...readdirSync(behind), existsSync(home.paths.socket)]).toEqual([false]);
    },
  );

  it.each([[[]], [['-o', 'subtype=encfs']]])('red control: a local FUSE (%j) is accepted', async (options) => {
    await using home = new TestHome();
    const { behind, namespace } = await onFuse(home, options);
    await using _ = namespace;
    const daemon = await home.start({ wrapper: namespace.wrapper });
    await home.client().feeds.put({ name: 'one', url: 'https://example.org/' });
    expect(await daemon.end()).toEqual({ code: 0, signal: null });
    expect(readdirSync(behind)).toContain('holdfast.db');
  });
});
