import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { clientProcess, runClient } from '../helpers/autostart.ts';
import { TestHome } from '../helpers/daemon.ts';

// Invariant: a file that a sudo left to another user stops nothing that could go on, and else is named with the command that
// gives it back. Needs root, to be somebody else. Nobody has this number.

const uid = 4_243;
const as = ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--'];
const options = { wrapper: as, env: { NODE_COMPILE_CACHE: undefined } };

let home: TestHome;
beforeEach(() => {
  home = new TestHome();
  chownSync(home.home, uid, uid);
});
afterEach(() => home[Symbol.asyncDispose]());

describe('files of another user in the data', () => {
  it('end the daemon with 78 and the command; given back, they are served (red control)', async () => {
    const { data, database, ownerLock } = home.paths;
    await (await home.start(options)).end();
    const wal = `${database}-wal`;
    for (const file of [database, ownerLock, wal]) {
      if (file === wal) writeFileSync(wal, '', { mode: 0o600 });
      chownSync(file, 0, 0);
      const refused = home.spawn(options);
      expect(await refused.exited).toEqual({ code: 78, signal: null });
      expect(refused.stderr).toContain(`${file} belongs to user 0. Give it to yours: sudo chown ${uid} '${file}'`);
      chownSync(file, uid, uid);
    }
    chmodSync(data, 0o500);
    const refused = home.spawn(options);
    expect(await refused.exited).toEqual({ code: 78, signal: null });
    expect(refused.stderr).toContain(`Open it: chmod u+rwX '${data}'`);
    chmodSync(data, 0o700);
    expect(await (await home.start(options)).end()).toEqual({ code: 0, signal: null });
  });
});

describe('notes of starts that are of another user', () => {
  it('start the daemon all the same', async () => {
    const { state, starts } = home.paths;
    mkdirSync(state, { mode: 0o700 });
    chownSync(state, uid, uid);
    writeFileSync(starts, '[]', { mode: 0o600 });
    const shell = `unset NODE_COMPILE_CACHE; exec ${[...as, process.execPath, clientProcess].join(' ')} x`;
    const pid = await runClient(home, 'x', shell);
    expect(pid).toBeGreaterThan(0);
    process.kill(pid, 'SIGKILL');
  });
});
