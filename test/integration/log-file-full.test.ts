import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { root, TestHome } from '../helpers/daemon.ts';

// Invariant: where a disk is full, the log ends with a whole line, and nothing else ends. A limit on the size of files stands
// for the disk: the line that reaches it is written in part.

it.each([
  ['of the daemon', 'whole'],
  ['that is plainly appended to (red control)', 'cut'],
])('a log %s: its last line is %s', async (which, expected) => {
  await using home = new TestHome();
  const path = home.paths.log;
  mkdirSync(dirname(path), { recursive: true });
  const plain = `({ write: (text) => { try { appendFileSync(${JSON.stringify(path)}, text); } catch {} } })`;
  const code = `
    import { appendFileSync } from 'node:fs';
    import { LogFile } from ${JSON.stringify(join(root, 'daemon', 'log-file.ts'))};
    const log = ${which === 'of the daemon' ? `new LogFile(${JSON.stringify(path)})` : plain};
    for (let number = 0; number < 400; number++) log.write('line ' + number + ' ' + '.'.repeat(10 + (number % 5)) + '\\n');`;
  const run = ['-c', 'ulimit -f 4; exec "$0" --input-type=module -e "$1"', process.execPath, code];
  // What the child would compile is kept in larger files.
  const env = { ...process.env, NODE_DISABLE_COMPILE_CACHE: '1' };
  const { status, stderr } = spawnSync('/bin/sh', run, { encoding: 'utf8', env });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const written = readFileSync(path, 'utf8');
  expect(written.length).toBeGreaterThan(1_000);
  expect(written.length).toBeLessThanOrEqual(4_096);
  const lines = written.split('\n').slice(0, -1);
  expect(lines.every((text, number) => text.startsWith(`line ${number} .`))).toBe(true);
  expect(written.endsWith('\n') ? 'whole' : 'cut').toBe(expected);
});
