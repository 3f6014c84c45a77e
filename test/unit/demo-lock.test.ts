import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { staleMs, withLock } from '../demo/lock.ts';

describe('the lock of the JSON files', () => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-demo-test-'));
  const path = join(directory, 'x.lock');
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('lets one in at a time, and the next one after a failure', async () => {
    let inside = 0;
    let most = 0;
    const work = async () => {
      most = Math.max(most, ++inside);
      await sleep(5);
      inside -= 1;
    };
    const failing = withLock(path, async () => {
      await work();
      throw new Error('no');
    });
    await Promise.all([
      expect(failing).rejects.toThrow('no'),
      ...Array.from({ length: 4 }, () => withLock(path, work)),
    ]);
    expect(most).toBe(1);
    expect(existsSync(path)).toBe(false);
  });

  it('is taken over once it is stale', async () => {
    writeFileSync(path, '1');
    const old = new Date(Date.now() - staleMs - 1000);
    utimesSync(path, old, old);
    expect(await withLock(path, async () => 'in')).toBe('in');
  });
});
