import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { TestHome } from '../helpers/daemon.ts';

// Invariant: a daemon that writes its log to a file keeps it bounded while it runs, and serves whatever becomes of it.

const lines = (path: string) =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { pid: number; msg: string });

describe('the log file of a daemon', () => {
  it('vectorize-io/hindsight#3164: that is full is begun anew while it runs; without it, or its folder, the daemon goes on and stops in order', async () => {
    await using home = new TestHome();
    const log = `${home.home}/logs/holdfast.log`;
    mkdirSync(`${home.home}/logs`);
    const file = openSync(log, 'w', 0o600);
    ftruncateSync(file, 5 * 1024 * 1024);
    closeSync(file);
    const daemon = home.spawn({ env: { HOLDFAST_LOG_FILE: log } });
    const client = home.client();
    expect((await client.system.health()).pid).toBe(daemon.pid);
    await expect.poll(() => lines(log).map(({ msg }) => msg)).toEqual(['ready']);
    // Its first line did not fit.
    expect(statSync(`${log}.1`).size).toBe(5 * 1024 * 1024);
    expect(statSync(log).mode & 0o777).toBe(0o600);

    rmSync(log);
    // A second one, which ends at once, says so in the same file.
    const second = home.spawn({ env: { HOLDFAST_LOG_FILE: log } });
    expect((await second.exited).code).toBe(75);
    expect(lines(log).map(({ pid }) => pid)).toEqual([second.pid]);

    renameSync(`${home.home}/logs`, `${home.home}/away`);
    await client.feeds.put({ name: 'x', url: 'https://example.org/' });
    expect(await daemon.end()).toEqual({ code: 0, signal: null });
    expect(lines(`${home.home}/away/holdfast.log`)).toHaveLength(1);
  });

  it('whose folder cannot be made does not keep it from serving', async () => {
    await using home = new TestHome();
    const daemon = home.spawn({ env: { HOLDFAST_LOG_FILE: '/dev/null/holdfast.log' } });
    expect((await home.client().system.health()).pid).toBe(daemon.pid);
    expect(await daemon.end()).toEqual({ code: 0, signal: null });
    expect(daemon.stderr).toContain('holdfast is running');
  });
});
