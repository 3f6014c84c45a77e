import { readFileSync, realpathSync } from 'node:fs';

/** Types of /proc/self/mountinfo that lie on another machine; statfs calls half of them plain FUSE. */
const networkTypes =
  /^(nfs4?|cifs|smb3?|smbfs|9p|afs|ceph|lustre|gpfs|glusterfs|drvfs|ncpfs|coda|vboxsf|prl_fs|fakeowner|fuse\.(sshfs|rclone|glusterfs|s3fs|goofys|gcsfuse|davfs2?|curlftpfs|ceph|juicefs|vmhgfs-fuse|grpcfuse))$/;

/** The mount table; empty where the system has none to read (macOS). */
export function mounts(): string {
  try {
    return readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    return '';
  }
}

/** The type of the network file system that holds `directory`, undefined for a local one (proc(5), mountinfo). */
export function networkFileSystem(directory: string, mountinfo: string): string | undefined {
  const real = realpathSync(directory);
  const holding = mountinfo.split('\n').flatMap((line) => {
    const [, id, parent, escaped = '', type = ''] = /^(\d+) (\d+) \S+ \S+ (\S+) .* - (\S+) /.exec(line) ?? [];
    const point = escaped.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
    const holds = point === '/' || real === point || real.startsWith(`${point}/`);
    // A root may be its own parent.
    return id !== undefined && holds ? [{ id, parent: parent === id ? '' : parent, point, type }] : [];
  });
  // As the kernel walks the path: from each mount into the one that is met first below it. Others are hidden.
  let current = holding.find(({ parent }) => !holding.some(({ id }) => id === parent));
  for (let next = current; next;) {
    current = next;
    const { id } = current;
    const below = holding.filter(({ parent }) => parent === id);
    next = below.toSorted((a, b) => a.point.length - b.point.length)[0];
  }
  return current && networkTypes.test(current.type) ? current.type : undefined;
}
