import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { networkFileSystem } from '../../shared/mounts.ts';

let home: string;
beforeAll(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-mounts-')));
  mkdirSync(join(home, 'a b', 'data'), { recursive: true });
  symlinkSync(join(home, 'a b', 'data'), join(home, 'link'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const escaped = (point: string) => point.replaceAll('\\', '\\134').replaceAll(' ', '\\040');

/** Lines as the kernel writes them: id, parent's id, device, root, point, options, tags - type, source, options. */
function mountinfo(...mounts: [id: number, parent: number, point: string, type: string][]): string {
  const lines = mounts.map(
    ([id, parent, point, type]) =>
      `${id} ${parent} 0:${id} / ${escaped(point)} rw,relatime shared:1 master:2 - ${type} server:/x rw,vers=4.2\n`,
  );
  return lines.join('');
}

const data = () => join(home, 'a b', 'data');
const typeOf = (...mounts: [number, number, string, string][]) => networkFileSystem(data(), mountinfo(...mounts));

describe('networkFileSystem', () => {
  it.each(
    `nfs nfs4 cifs smb smb3 smbfs 9p afs ceph lustre gpfs glusterfs drvfs ncpfs coda fuse.sshfs fuse.rclone
     fuse.glusterfs fuse.s3fs fuse.goofys fuse.gcsfuse fuse.davfs fuse.davfs2 fuse.curlftpfs fuse.ceph fuse.juicefs`.split(
      /\s+/,
    ),
  )('knows %s', (type) => expect(typeOf([1, 0, '/', 'ext4'], [2, 1, home, type])).toBe(type));

  it.each(['9p', 'drvfs'])('AgentWorkforce/relay#381: knows %s, as WSL shows a disk of Windows', (type) =>
    expect(typeOf([1, 0, '/', 'ext4'], [2, 1, home, type])).toBe(type),
  );

  it.each(['fakeowner', 'fuse.grpcfuse', 'vboxsf', 'prl_fs', 'fuse.vmhgfs-fuse'])(
    'docker/for-win#5519: knows %s, as containers and virtual machines show a disk of their host',
    (type) => expect(typeOf([1, 0, '/', 'ext4'], [2, 1, home, type])).toBe(type),
  );

  it.each(
    'ext4 ext3 xfs btrfs zfs tmpfs overlay f2fs bcachefs apfs hfs fuseblk fuse fuse.encfs fuse.gocryptfs ecryptfs nfsd autofs'.split(
      ' ',
    ),
  )('takes %s for local', (type) => expect(typeOf([1, 0, '/', 'ext4'], [2, 1, home, type])).toBeUndefined());

  it('says local where there is no table, as on macOS', () => {
    expect(networkFileSystem(data(), '')).toBeUndefined();
    expect(networkFileSystem(data(), '\n\ngarbage\n - \n')).toBeUndefined();
  });

  it('looks at the root when nothing else holds the directory', () => {
    expect(typeOf([1, 0, '/', 'nfs4'])).toBe('nfs4');
    expect(typeOf([1, 0, '/', 'nfs4'], [2, 1, '/elsewhere', 'ext4'])).toBe('nfs4');
  });

  it('takes the innermost mount', () => {
    expect(typeOf([1, 0, '/', 'ext4'], [2, 1, home, 'nfs4'], [3, 2, data(), 'xfs'])).toBeUndefined();
    expect(typeOf([1, 0, '/', 'ext4'], [2, 1, home, 'xfs'], [3, 2, data(), 'nfs4'])).toBe('nfs4');
    // In whatever order the kernel lists them.
    expect(typeOf([3, 2, data(), 'nfs4'], [2, 1, home, 'xfs'], [1, 0, '/', 'ext4'])).toBe('nfs4');
  });

  it('reads the octal escapes of a mount point', () => {
    expect(typeOf([1, 0, '/', 'ext4'], [2, 1, join(home, 'a b'), 'cifs'])).toBe('cifs');
    expect(mountinfo([2, 1, join(home, 'a b'), 'cifs'])).toContain('a\\040b ');
  });

  it('does not take a name that begins alike for a parent', () => {
    expect(typeOf([1, 0, '/', 'ext4'], [2, 1, join(home, 'a'), 'nfs4'], [3, 1, `${data()}2`, 'nfs4'])).toBeUndefined();
  });

  it('follows a link to where the data really lies', () => {
    const table = mountinfo([1, 0, '/', 'ext4'], [2, 1, join(home, 'a b'), 'nfs4']);
    expect(networkFileSystem(join(home, 'link'), table)).toBe('nfs4');
  });

  it('takes the later of two mounts on one point', () => {
    expect(typeOf([1, 0, '/', 'ext4'], [2, 1, home, 'nfs4'], [3, 2, home, 'ext4'])).toBeUndefined();
    expect(typeOf([1, 0, '/', 'ext4'], [2, 1, home, 'ext4'], [3, 2, home, 'nfs4'])).toBe('nfs4');
    expect(typeOf([1, 0, '/', 'ext4'], [2, 1, '/', 'nfs4'])).toBe('nfs4');
  });

  it('sees no mount that a later one on its parent directory hides', () => {
    // The parent's id tells: the inner mount hangs below what was there before, not below what is there now.
    expect(typeOf([1, 0, '/', 'ext4'], [2, 1, data(), 'ext4'], [3, 1, home, 'nfs4'])).toBe('nfs4');
    expect(typeOf([1, 0, '/', 'ext4'], [2, 1, data(), 'nfs4'], [3, 1, home, 'ext4'])).toBeUndefined();
  });
});
