import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { TestHome } from '../helpers/daemon.ts';
import { Markers, removeSecrets, storeEverySecret } from '../helpers/secrets.ts';
import { strace } from '../helpers/strace.ts';

// Invariant: nothing that the daemon makes is open to other users for a moment: it is made with its mode, under a umask that
// takes theirs away, and never closed afterwards. Read from the trace of what the kernel was asked.

const options = ['-e', 'trace=umask,open,openat,creat,mkdir,mkdirat,mknod,mknodat,bind,chmod,fchmod,fchmodat'];
/** What is made below a folder with a mode that lets others in, and what is closed to them later. */
function lapses(trace: string, folder: string): { made: number; open: string[] } {
  let umask = 0;
  let made = 0;
  const open: string[] = [];
  for (const line of trace.split('\n').filter((each) => !/ = -1 E| resumed>/.test(each))) {
    const [, call = '', rest = ''] = /^\d+ +(\w+)\((.*?)(\) += .*| <unfinished \.\.\.>)$/.exec(line) ?? [];
    if (call === 'umask') umask = Number.parseInt(rest, 8);
    if (!rest.includes(folder)) continue;
    const creates = /O_CREAT/.test(rest) || /^(creat|mkdir|mkdirat|mknod|mknodat|bind)$/.test(call);
    if (!creates && !call.includes('chmod')) continue;
    if (creates) made += 1;
    // A socket is made with all modes (unix(7)).
    const mode = call === 'bind' ? 0o777 : Number.parseInt(/.*\b(0[0-7]*)\b/.exec(rest)?.[1] ?? '0777', 8);
    if ((mode & ~(creates ? umask : 0) & 0o077) !== 0) open.push(line);
  }
  return { made, open };
}

describe('Nukesor/pueue 4.0.5: a secret that anybody could read for an instant', () => {
  it('is made by nobody: each file, directory and socket is private from its first moment', async () => {
    await using home = new TestHome();
    const { wrapper, finished } = strace(home, [], options);
    const open = ['sh', '-c', 'umask 000; exec "$0" "$@"', ...wrapper];
    const daemon = await home.start({ wrapper: open });
    const client = home.client();
    await storeEverySecret(home, new Markers());
    await client.keys.rotate();
    await client.keys.restore({ code: (await client.keys.backup()).code });
    await removeSecrets(client);
    await daemon.end();
    const { made, open: lapsed } = lapses(readFileSync(await finished(daemon), 'utf8'), home.home);
    expect(lapsed).toEqual([]);
    expect(made).toBeGreaterThan(20);
  });

  it.each([
    ['umask 000; : > FOLDER/file; chmod 600 FOLDER/file', 1],
    ['umask 000; mkdir FOLDER/folder', 1],
    ['umask 077; : > FOLDER/file; chmod 644 FOLDER/file', 1],
    ['umask 077; : > FOLDER/file; mkdir FOLDER/folder', 0],
  ])('red control: %s is seen %i times', async (script, times) => {
    await using home = new TestHome();
    const { wrapper, finished } = strace(home, [], options);
    const shell = home.spawn({ wrapper: [...wrapper, 'sh', '-c', script.replaceAll('FOLDER', home.home)] });
    await shell.exited;
    expect(lapses(readFileSync(await finished(shell), 'utf8'), home.home).open).toHaveLength(times);
  });
});
