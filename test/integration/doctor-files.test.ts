import { spawnSync } from 'node:child_process';
import { chmodSync, renameSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestHome } from '../helpers/daemon.ts';
import { diagnose, furnish, mend, named } from '../helpers/doctor.ts';
import { faults } from '../helpers/root-key.ts';

// No daemon runs in these homes: what is wrong with files is seen without one. Red control of each: the same home before.

let home: TestHome;
beforeEach(() => {
  home = new TestHome();
  furnish(home);
  const { paths } = home;
  writeFileSync(paths.log, '', { mode: 0o600 });
  writeFileSync(paths.rootKey, 'a key', { mode: 0o600 });
  writeFileSync(paths.lastStart, JSON.stringify({ node: process.execPath, version: '0.1.0' }), { mode: 0o600 });
});
afterEach(() => home[Symbol.asyncDispose]());

/** The process id of a process that has ended. */
const deadPid = (): number => spawnSync('true').pid;
const json = (value: unknown) => JSON.stringify(value);

interface Fault {
  make: (home: TestHome) => void;
  finds: string;
  /** `--fix` mends it. */
  mends?: true;
  /** Part of the command that mends it. */
  fix: string | RegExp;
}

const cases: Record<string, Fault> = {
  'a data directory that others may read': {
    make: ({ paths }) => chmodSync(paths.data, 0o755),
    finds: 'directories problem',
    mends: true,
    fix: /^chmod 700 .*\/data$/,
  },
  'a state directory that its owner may not write': {
    make: ({ paths }) => chmodSync(paths.state, 0o500),
    finds: 'directories problem',
    mends: true,
    fix: /^chmod 700 .*\/state$/,
  },
  'a data directory that is a link': {
    make: ({ paths }) => {
      renameSync(paths.data, join(paths.home, 'elsewhere'));
      symlinkSync('elsewhere', paths.data);
    },
    finds: 'directories problem',
    fix: /^rm \S+\/data && mv \S+\/elsewhere \S+\/data$/,
  },
  'a file in the place of a directory': {
    make: ({ paths }) => {
      renameSync(paths.config, join(paths.home, 'away'));
      writeFileSync(paths.config, '');
    },
    finds: 'directories problem',
    fix: /^mv .*\/config\.aside$/,
  },
  'a log that others may read': {
    make: ({ paths }) => chmodSync(paths.log, 0o644),
    finds: 'files warning',
    mends: true,
    fix: /^chmod -R go= .*\/state$/,
  },
  'files that their owner may not write': {
    make: ({ paths }) => {
      for (const mode of [0o400, 0]) writeFileSync(join(paths.data, `of ${mode}`), '', { mode });
    },
    finds: 'files problem',
    mends: true,
    fix: /^chmod -R u\+rwX /,
  },
  'a root key that others may read': {
    make: ({ paths }) => faults['mode 0640']?.make(paths.rootKey),
    finds: 'key problem',
    mends: true,
    fix: /^chmod 600 .*root\.key$/,
  },
  'a root key that is a link': {
    make: ({ paths }) => faults['symbolic link']?.make(paths.rootKey),
    finds: 'key problem',
    fix: 'holdfast key restore',
  },
  'a start lock of a process that is gone': {
    make: ({ paths }) => symlinkSync(`${deadPid()}-x`, join(paths.state, 'start.lock')),
    finds: 'start-lock warning',
    mends: true,
    fix: /^rm -r .*start\.lock$/,
  },
  'a start lock that is none': {
    make: ({ paths }) => writeFileSync(join(paths.state, 'start.lock'), '', { mode: 0o600 }),
    finds: 'start-lock warning',
    fix: /^rm -r /,
  },
  'a file in the place of the socket': {
    make: ({ paths }) => writeFileSync(paths.socket, '', { mode: 0o600 }),
    finds: 'socket problem',
    fix: /^mv .*holdfast\.sock\.aside$/,
  },
  'a file in the place of the socket for agents': {
    make: ({ paths }) => writeFileSync(paths.agentSocket, '', { mode: 0o600 }),
    finds: 'socket problem',
    fix: /^mv .*agent\.sock\.aside$/,
  },
  'an empty database': {
    make: ({ paths }) => writeFileSync(paths.database, '', { mode: 0o600 }),
    finds: 'ownership problem',
    fix: /^mv .*holdfast\.db\.empty$/,
  },
  'an owner.lock that is a link to nothing': {
    make: ({ paths }) => symlinkSync('elsewhere', paths.ownerLock),
    finds: 'ownership problem',
    fix: /^mv \S+owner\.lock \S+owner\.lock\.aside$/,
  },
  'a Node that is gone': {
    make: ({ paths }) => writeFileSync(paths.lastStart, json({ node: join(paths.home, 'node') })),
    finds: 'node warning',
    fix: 'holdfast restart',
  },
  'a log without a bound': {
    make: ({ paths }) => truncateSync(paths.log, 13 * 1024 * 1024),
    finds: 'log warning',
    fix: /^truncate -s 0 .*holdfast\.log$/,
  },
  'a clock that has gone back': {
    make: ({ paths }) => utimesSync(paths.lastStart, new Date(), new Date(Date.now() + 3_600_000)),
    finds: 'clock warning',
    fix: /^sudo /,
  },
  'three starts that did not last': {
    make: ({ paths }) => {
      const start = { at: Date.now() - 1000, pid: deadPid() };
      writeFileSync(paths.starts, json([start, start, start]), { mode: 0o600 });
    },
    finds: 'starts problem',
    fix: 'holdfast start',
  },
  'a daemon that could not run': {
    make: ({ paths }) =>
      writeFileSync(paths.lastError, json({ exitCode: 78, message: 'No.', at: new Date().toISOString() }), {
        mode: 0o600,
      }),
    finds: 'starts warning',
    fix: 'holdfast start',
  },
};

describe('doctor finds', () => {
  it.each(Object.entries(cases))('%s', async (_name, { make, finds, mends, fix }) => {
    expect(await diagnose(home)).toEqual([]);
    make(home);
    const found = await diagnose(home);
    expect(named(found)).toEqual([finds]);
    const { what = '', why = '', fix: command, repair } = found[0] ?? {};
    expect(command).toMatch(fix);
    for (const text of [what, why]) expect(text).toMatch(/^\S.*\.$/);
    expect(repair !== undefined).toBe(mends === true);
    await mend(found);
    expect(named(await diagnose(home))).toEqual(mends ? [] : [finds]);
  });
});
