import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HoldfastError, readGuarded } from '../../client/index.ts';
import { runProcess } from '../helpers/processes.ts';
import { refusal } from '../helpers/refusal.ts';

// Invariant: never a byte from outside of the root, never more than the bound, and never a wait.

const max = 1024;
let root: string;
let outside: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-root-'));
  outside = mkdtempSync(join(tmpdir(), 'holdfast-outside-'));
  mkdirSync(join(root, 'dir', 'deep'), { recursive: true });
  for (const path of ['file', 'dir/file', 'dir/deep/file']) writeFileSync(join(root, path), 'inside');
  writeFileSync(join(outside, 'file'), 'outside');
  symlinkSync(outside, join(root, 'link'));
});
afterEach(() => {
  for (const folder of [root, outside]) rmSync(folder, { recursive: true, force: true });
});

const read = async (path: string, bound = max) => String(await readGuarded(root, path, bound));
const refused = async (path: string, bound?: number) => (await refusal(read(path, bound))).code;

/** As one reads who looks first, while somebody else does something `meanwhile`. */
function checkedThenRead(path: string, meanwhile: () => void): string {
  const real = realpathSync(join(root, path));
  if (!real.startsWith(`${realpathSync(root)}/`)) throw new Error('outside');
  meanwhile();
  return readFileSync(real, 'utf8');
}
function swap(): void {
  renameSync(join(root, 'dir'), join(root, 'kept'));
  renameSync(join(root, 'link'), join(root, 'dir'));
}

describe('M2: a path that leads out of its root', () => {
  it('is refused by its form, before anything is opened', async () => {
    const escapes = [
      '../file',
      'dir/../../file',
      '/etc/passwd',
      join(root, 'file'),
      'dir/./file',
      'dir//file',
      'dir/',
      '',
      '.',
      '..',
      'file\0',
      '\0',
    ];
    for (const path of escapes) {
      const { code, message } = await refusal(read(path));
      expect([path, code, message]).toEqual([path, 'invalid_input', expect.stringMatching(/^path must be relative/)]);
    }
  });

  it('is refused where it goes through a link, wherever that leads', async () => {
    symlinkSync(join(outside, 'file'), join(root, 'dir', 'to-file'));
    symlinkSync('file', join(root, 'dir', 'to-neighbour'));
    symlinkSync('loop', join(root, 'loop'));
    symlinkSync('/proc/self/root/etc', join(root, 'magic'));
    for (const path of ['link/file', 'link', 'dir/to-file', 'dir/to-neighbour', 'loop', 'magic/passwd']) {
      expect([path, await refused(path)]).toEqual([path, 'invalid_input']);
    }
  });

  it('red control: a path without a link is read, at any depth, and so is a root that is a link', async () => {
    for (const path of ['file', 'dir/file', 'dir/deep/file']) expect(await read(path)).toBe('inside');
    const alias = join(outside, 'alias');
    symlinkSync(root, alias);
    expect(String(await readGuarded(alias, 'dir/file', max))).toBe('inside');
  });

  it('gives no byte from outside while another process swaps a directory for a link: 2,000 reads', async () => {
    const swapper = runProcess<string>(join(import.meta.dirname, 'read-guarded-process.ts'), [root], {});
    const ended = swapper.done.catch(() => undefined);
    const counts: Record<string, number> = {};
    try {
      await once(swapper.child, 'message');
      // On until each has been met: the swaps were under way.
      for (let n = 0; n < 2000 || Object.keys(counts).length < 3; n++) {
        const outcome = await read('dir/file').catch((error: unknown) =>
          error instanceof HoldfastError ? error.code : String(error),
        );
        counts[outcome] = (counts[outcome] ?? 0) + 1;
      }
    } finally {
      swapper.child.kill('SIGKILL');
      await ended;
    }
    expect(Object.keys(counts).toSorted()).toEqual(['inside', 'invalid_input', 'not_found']);
  });

  it('red control: a path that is checked and then opened gives what lies outside', () => {
    expect(() => checkedThenRead('link/file', () => undefined)).toThrow('outside');
    expect(checkedThenRead('dir/file', swap)).toBe('outside');
  });
});

describe('M2: what is no regular file', () => {
  it('is refused at once: a directory, a pipe, a socket, a device', async () => {
    execFileSync('mkfifo', [join(root, 'pipe')]);
    const server = createServer().listen(join(root, 'socket'));
    await once(server, 'listening');
    for (const path of ['dir', 'pipe', 'socket']) expect([path, await refused(path)]).toEqual([path, 'invalid_input']);
    server.close();
    expect((await refusal(readGuarded('/dev', 'zero', max))).message).toBe('path must name a regular file.');
  });

  it('is told when it is not there, or lies under a file', async () => {
    expect([await refused('none'), await refused('dir/none/file')]).toEqual(['not_found', 'not_found']);
    expect(await refused('file/under')).toBe('invalid_input');
    expect((await refusal(readGuarded(join(root, 'none'), 'file', max))).code).toBe('not_found');
  });
});

describe('M3: the bound', () => {
  it('is what a file may have, and not a byte more', async () => {
    for (const [size, bound] of [
      [0, 0],
      [max, max],
      [200_000, 200_000],
    ] as const) {
      writeFileSync(join(root, 'file'), 'x'.repeat(size));
      expect((await read('file', bound)).length).toBe(size);
      appendFileSync(join(root, 'file'), 'x');
      expect(await refused('file', bound)).toBe('too_large');
    }
    for (const bound of [-1, 1.5, Number.NaN, Infinity]) expect(await refused('file', bound)).toBe('invalid_input');
  });

  it('holds for a file that grows while it is read: at most the bound, or too_large', async () => {
    const bound = 300_000;
    const outcomes = new Set<string>();
    for (let round = 0; round < 200 && outcomes.size < 2; round++) {
      writeFileSync(join(root, 'file'), 'x'.repeat(bound - 100));
      // It grows while the read is under way, now sooner and now later, and sometimes when that is over.
      const reading = readGuarded(root, 'file', bound).then(
        ({ length }) => (expect(length).toBeLessThanOrEqual(bound), 'whole'),
        (error: unknown) => (error instanceof HoldfastError ? error.code : String(error)),
      );
      if (round % 20 === 19) await reading;
      for (let turn = 0; turn < round % 20; turn++) await new Promise((resolve) => setImmediate(resolve));
      appendFileSync(join(root, 'file'), 'y'.repeat(1000));
      outcomes.add(await reading);
    }
    expect([...outcomes].toSorted()).toEqual(['too_large', 'whole']);
  });

  it('holds for a file that says it is empty and has more: it is read to the end or refused', async () => {
    // As those of /proc do.
    expect((await readGuarded('/proc/self', 'stat', 10_000)).length).toBeGreaterThan(10);
    expect((await refusal(readGuarded('/proc/self', 'stat', 10))).code).toBe('too_large');
  });
});
