import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LogFile } from '../../daemon/log-file.ts';

// Invariant: whatever becomes of its files, a log is bounded, private, of whole lines, and never a reason to stop.

const maxBytes = 1_000;
/** Lines of 13 to 19 bytes in more than one byte per character, told apart by their number. */
const line = (number: number) => `ü ${number} ${'.'.repeat(10 + (number % 5))}\n`;
const numbers = (text: string) =>
  text
    .split('\n')
    .slice(0, -1)
    .map((each) => Number(/^ü (\d+) \.{10,14}$/.exec(each)?.[1]));
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-test-'));
  path = join(folder, 'state', 'holdfast.log');
});
afterEach(() => rmSync(folder, { recursive: true }));

const read = (file = path) => (existsSync(file) ? readFileSync(file, 'utf8') : '');
const names = () => readdirSync(join(folder, 'state')).toSorted();
const writeLines = (log: LogFile, from: number, to: number) =>
  range(from, to).forEach((number) => log.write(line(number)));

describe('a log file', () => {
  it('is begun anew at its bound, while the one before is kept: two files, of whole lines, private', () => {
    const log = new LogFile(path, maxBytes);
    let rotations = 0;
    for (const number of range(0, 1_000)) {
      const inode = statSync(path, { throwIfNoEntry: false })?.ino;
      log.write(line(number));
      if (inode !== undefined && inode !== statSync(path).ino) rotations += 1;
      expect(Math.max(...names().map((name) => statSync(join(folder, 'state', name)).size))).toBeLessThanOrEqual(
        maxBytes,
      );
    }
    expect(rotations).toBeGreaterThan(10);
    expect(names()).toEqual(['holdfast.log', 'holdfast.log.1']);
    // Nothing between the two is missing, and the last line is the last.
    const kept = numbers(read(`${path}.1`) + read());
    expect(kept).toEqual(range(1_000 - kept.length, 1_000));
    expect(names().map((name) => statSync(join(folder, 'state', name)).mode & 0o777)).toEqual([0o600, 0o600]);
  });

  it('goes on after what is there, which it makes private, and holds one line longer than the bound', () => {
    mkdirSync(join(folder, 'state'));
    writeFileSync(path, line(1));
    chmodSync(path, 0o644);
    const log = new LogFile(path, maxBytes);
    log.write(line(2));
    expect(numbers(read())).toEqual([1, 2]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    log.write(`${'x'.repeat(maxBytes * 2)}\n`);
    log.write(line(3));
    expect([read(`${path}.1`).length, numbers(read())]).toEqual([maxBytes * 2 + 1, [3]]);
  });

  it('of two writers, as when a second daemon ends beside the first: neither writes where nobody looks', () => {
    const writers = [new LogFile(path, maxBytes), new LogFile(path, maxBytes)] as const;
    for (const number of range(0, 300)) {
      writers[number % 2 ? 1 : 0].write(line(number));
      expect(numbers(read()).at(-1)).toBe(number);
    }
    expect(names()).toEqual(['holdfast.log', 'holdfast.log.1']);
  });
});

describe('a log file that is disturbed', () => {
  it.each<[string, () => void]>([
    ['removed', () => rmSync(path)],
    ['moved away', () => renameSync(path, join(folder, 'moved'))],
    ['replaced', () => writeFileSync(`${path}.new`, '') === undefined && renameSync(`${path}.new`, path)],
  ])('%s: the next line is in a new one, private', (_, disturb) => {
    const log = new LogFile(path, maxBytes);
    log.write(line(1));
    disturb();
    log.write(line(2));
    expect(numbers(read())).toEqual([2]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('its folder removed: no error, no folder made where somebody took it away, and on when it is back', () => {
    const log = new LogFile(path, maxBytes);
    log.write(line(1));
    rmSync(join(folder, 'state'), { recursive: true });
    writeLines(log, 2, 200);
    expect(readdirSync(folder)).toEqual([]);
    mkdirSync(join(folder, 'state'));
    log.write(line(200));
    expect(numbers(read())).toEqual([200]);
  });

  it('never closes a file that is not its own any more, whatever fails', () => {
    const log = new LogFile(path, maxBytes);
    log.write(line(1));
    rmSync(join(folder, 'state'), { recursive: true });
    log.write(line(2));
    // Files opened now take the number that the log's had, which a second close would end.
    const others = range(0, 5).map((number) => new LogFile(join(folder, `other-${number}`), maxBytes));
    for (const other of others) other.write(line(1));
    writeLines(log, 3, 100);
    for (const other of others) other.write(line(2));
    expect(range(0, 5).map((number) => numbers(read(join(folder, `other-${number}`))))).toEqual(
      others.map(() => [1, 2]),
    );
  });

  it('that cannot be renamed stays bounded all the same', () => {
    mkdirSync(`${path}.1`, { recursive: true });
    const log = new LogFile(path, maxBytes);
    writeLines(log, 0, 500);
    expect(read().length).toBeLessThanOrEqual(maxBytes);
    expect(numbers(read()).at(-1)).toBe(499);
  });

  it.each([
    ['a file', () => writeFileSync(join(folder, 'state'), '')],
    ['a folder', () => mkdirSync(path, { recursive: true })],
  ])('that cannot be made, for %s is in its place: no error', (_, block) => {
    block();
    const log = new LogFile(path, maxBytes);
    expect(() => writeLines(log, 0, 100)).not.toThrow();
  });
});
