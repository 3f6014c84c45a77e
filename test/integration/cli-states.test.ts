import { describe, expect, it } from 'vitest';
import { changing, faults, names, rows } from '../helpers/every-command.ts';
import { check } from '../helpers/state-check.ts';

// Every command against every state that a person may find the daemon in: its documented exit code, one line that says what
// is so and what to do, data that is whole or none, an end, and nothing killed or started. The other states are in
// test/system/cli-states.test.ts.

describe('every command of the command line', () => {
  it.concurrent.each(['stopped', 'running'] as const)(
    'ends as documented, of a %s daemon',
    { timeout: 300_000 },
    async (state) => {
      expect(await check(state)).toEqual([]);
    },
  );

  it('has its row', () => {
    const covered = new Set([...Object.keys(rows), ...Object.keys(changing)]);
    expect(names().filter((name) => !covered.has(name))).toEqual([]);
  });
});

// Red controls: what the check must find.
const listed = { code: 69, stdout: '', stderr: "holdfast: The daemon is not running at /x: run 'holdfast start'.\n" };
it.each([
  ['another exit code', { ...listed, code: 1 }, /exit code 1, not 69/],
  ['data beside an error', { ...listed, stdout: '{}' }, /data beside/],
  ['no advice', { ...listed, stderr: 'holdfast: The daemon is not running.\n' }, /what to do/],
  ['nothing said', { ...listed, stderr: '' }, /no one line/],
  ['two lines', { ...listed, stderr: `${listed.stderr}Bye.\n` }, /no one line/],
  ['a bare errno', { ...listed, stderr: "holdfast: connect ENOENT; is not running, 'holdfast start'.\n" }, /no person/],
  ['a stack', { ...listed, stderr: `${listed.stderr}    at main (x.ts:1:2)\n` }, /no person/],
  ['no JSON', { ...listed, stdout: 'x' }, /no JSON/],
])('the check finds %s (red control)', (_, ended, fault) => {
  const row = rows['sessions list'];
  if (!row) throw new Error('the row is gone');
  expect(faults('stopped', 'sessions list', row, listed)).toEqual([]);
  expect(faults('stopped', 'sessions list', row, ended).join('\n')).toMatch(fault);
});
