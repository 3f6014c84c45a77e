import { appendFileSync, copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { root } from '../helpers/daemon.ts';
import { ServiceHome } from '../helpers/service.ts';

// `holdfast doctor` and the service, with a systemctl that only takes notes; one after the other.

interface Finding {
  check: string;
  level: string;
  what: string;
  fix: string | null;
}
let home: ServiceHome;
const doctor = (...args: string[]) => home.node([join(root, 'client', 'cli', 'main.ts'), 'doctor', ...args]);
const ofService = async (...args: string[]) => {
  const { stdout } = await doctor('--json', ...args);
  return (JSON.parse(stdout) as { findings: Finding[] }).findings.filter(({ check }) => check === 'service');
};
const wrong = async () => (await ofService()).filter(({ level }) => level !== 'note');

beforeAll(() => {
  home = new ServiceHome();
});
afterAll(() => home[Symbol.dispose]());

it('none is well, and so is one that is current and runs', async () => {
  expect(await ofService()).toEqual([]);
  expect((await home.service(['install'])).code).toBe(0);
  expect(await wrong()).toEqual([]);
});

it('one that is out of date is told, and --fix installs it anew', async () => {
  const current = readFileSync(home.unit, 'utf8');
  appendFileSync(home.unit, '# of an older version\n');
  const install = 'holdfast service install';
  expect(await wrong()).toMatchObject([
    { level: 'warning', what: expect.stringContaining('out of date'), fix: install },
  ]);
  home.asked();
  expect((await doctor('--fix', '--dry-run')).stderr).toBe('Would install the service anew.\n');
  expect(home.asked()).toEqual([]);
  expect((await doctor('--fix')).stderr).toMatch(/^wrote {8}\/.*\nDone: install the service anew\.\n$/s);
  expect(readFileSync(home.unit, 'utf8')).toBe(current);
  expect(home.asked()).toContain('systemctl --user restart holdfast.service');
  expect(await wrong()).toEqual([]);
});

it('one whose Node is gone, which was disabled, or which does not run is told', async () => {
  copyFileSync(home.unit, `${home.unit}.kept`);
  const unit = readFileSync(home.unit, 'utf8');
  writeFileSync(home.unit, unit.replace(/^ExecStart="[^"]+"/m, 'ExecStart="/gone/node"'));
  expect(await wrong()).toMatchObject([{ level: 'problem', what: 'The service runs /gone/node, which is gone.' }]);
  copyFileSync(`${home.unit}.kept`, home.unit);
  rmSync(join(home.unit, '..', 'default.target.wants', 'holdfast.service'));
  expect(await wrong()).toMatchObject([{ level: 'warning', what: expect.stringContaining('not started at login') }]);
  writeFileSync(join(home.fake, 'active'), 'failed');
  expect(await wrong()).toMatchObject([{ level: 'problem', what: 'The service has failed (success).' }]);
  home.set('absent');
  expect(await wrong()).toMatchObject([{ level: 'warning', what: expect.stringContaining('no systemd') }]);
  home.set('absent', false);
  const { code, stderr } = await doctor('--fix');
  expect([code, stderr]).toEqual([0, expect.stringContaining('Done: install the service anew.')]);
  expect(await wrong()).toEqual([]);
});
