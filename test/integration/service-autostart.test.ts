import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { paths } from '../../shared/paths.ts';
import { program, root } from '../helpers/daemon.ts';
import { ServiceHome, type Options } from '../helpers/service.ts';

// A daemon that launchd starts and that cannot run ends with 0, or it would be started for ever: what it left tells why.

let home: ServiceHome;
let options: Options;
const own = () => paths({ HOLDFAST_HOME: join(home.home, 'holdfast') });
beforeAll(async () => {
  home = new ServiceHome();
  options = { platform: 'darwin', env: { HOLDFAST_HOME: own().home, HOLDFAST_NO_AUTOSTART: '' } };
  await home.service(['install'], options);
});
afterAll(() => home[Symbol.dispose]());

/** What a client of its own process is told whose call may take so long. */
async function told(deadlineMs: number): Promise<string> {
  const module = JSON.stringify(join(root, 'client', 'index.ts'));
  const code = `
    const { connect } = await import(${module});
    const client = connect({ app: 'test', deadlineMs: ${deadlineMs} });
    console.log(await client.system.health().then(() => 'answered', ({ message }) => message));`;
  const { stdout, stderr } = await home.node(['--input-type=module', '--eval', code], options);
  return stdout + stderr;
}

it('the error of the call that asked for it says why', async () => {
  mkdirSync(own().data, { mode: 0o755, recursive: true });
  const daemon = `exec '${process.execPath}' '${program(join(root, 'daemon', 'main.ts'))}'`;
  writeFileSync(join(home.fake, 'daemon'), `HOLDFAST_SUPERVISOR=launchd ${daemon}\n`);
  expect(await told(30_000)).toContain(
    `it was started and ended: ${own().data} is open to other users. Close it: chmod 700`,
  );
});

// Red control of the test above: it is the daemon's own last word that is told, when that is what the caller must mend.
it.each([
  ['what an earlier one left', { exitCode: 78, at: new Date(Date.now() - 60_000).toISOString() }],
  [
    'that another one owns the data, which is about to listen',
    { exitCode: 75, at: new Date(Date.now() + 3_600_000).toISOString() },
  ],
])('but not %s', async (_, left) => {
  rmSync(join(home.fake, 'daemon'), { force: true });
  mkdirSync(own().state, { mode: 0o700, recursive: true });
  writeFileSync(own().lastError, JSON.stringify({ ...left, message: 'Something else.' }));
  const message = await told(500);
  expect(message).toContain('holdfast is not running at');
  expect(message).not.toContain('Something else.');
});
