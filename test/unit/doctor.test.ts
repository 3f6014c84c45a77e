import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { examine } from '../../client/cli/doctor/checks.ts';
import { quoted } from '../../client/cli/doctor/finding.ts';
import { daemonNode } from '../../client/cli/doctor/node.ts';
import { look, type Patient } from '../../client/cli/doctor/patient.ts';

// What no test can make on the machine it runs on: its kernel, its disk, its clock. Red control: the patient as it is.

let folder: string;
let patient: Patient;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-doctor-'));
  patient = await look({ HOLDFAST_HOME: folder, HOME: folder }, { bytes: 0 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const found = async (changes: Partial<Patient>) =>
  (await examine({ ...patient, ...changes })).map(({ check, level, fix }) => [check, level, fix]);

describe('doctor', () => {
  it.each<[string, () => Partial<Patient>, [string, string]]>([
    [
      'a network file system',
      () => ({ mountinfo: '1 0 0:1 / / rw - nfs4 server:/x rw\n' }),
      ['file-system', 'problem'],
    ],
    [
      'a disk of Windows',
      () => ({
        kernel: 'Linux version 5.15.0-microsoft-standard-WSL2',
        own: { ...patient.own, data: '/mnt/c/holdfast/data' },
      }),
      ['file-system', 'problem'],
    ],
    [
      'Linux below Windows',
      () => ({ kernel: 'Linux version 5.15.0-microsoft-standard-WSL2' }),
      ['file-system', 'note'],
    ],
    ['a disk that is almost full', () => ({ freeBytes: 50 * 1024 * 1024 }), ['disk', 'problem']],
    ['a disk that fills up', () => ({ freeBytes: 300 * 1024 * 1024 }), ['disk', 'warning']],
    ['a clock that was never set', () => ({ now: 0 }), ['clock', 'problem']],
    ['an old Node', () => ({ node: '20.1.0' }), ['node', 'problem']],
    ['an owner that does not listen', () => ({ owner: 4_000_000 }), ['ownership', 'warning']],
  ])('finds %s', async (_name, change, wanted) => {
    const before = await found({});
    const after = await found(change());
    expect(before.map(([check, level]) => [check, level])).not.toContainEqual(wanted);
    expect(after.map(([check, level]) => [check, level])).toContainEqual(wanted);
  });

  it('puts the worst first, and lets no check that fails hide another', async () => {
    const broken = {
      get freeBytes(): number {
        throw new Error('no disk');
      },
    };
    const all = await examine(
      Object.defineProperties({ ...patient, node: '20.1.0' }, Object.getOwnPropertyDescriptors(broken)),
    );
    expect(all.map(({ level }) => level)).toEqual(['problem', 'warning', ...all.slice(2).map(() => 'note')]);
    expect(all[1]?.what).toBe("The check 'disk' could not be made: no disk.");
  });

  it('quotes what a shell would take apart', () => {
    expect([quoted('/a/b-c.d'), quoted("/a b/o'c")]).toEqual(['/a/b-c.d', String.raw`'/a b/o'\''c'`]);
  });
});

/** A program that says what the loader of Linux says where a library is missing. */
const withoutLibrary = () => {
  const path = join(folder, 'node');
  const said = 'error while loading shared libraries: libatomic.so.1: cannot open shared object file';
  writeFileSync(path, `#!/bin/sh\necho '${said}' >&2\nexit 127\n`);
  chmodSync(path, 0o755);
  return path;
};

const works = () => process.execPath;
const none = () => {
  throw new Error('There is none.');
};

describe('the Node of the daemon', () => {
  it('is well when the last one runs, or none is noted and one is found', () => {
    expect([daemonNode(process.execPath, undefined, works), daemonNode(undefined, undefined, works)]).toEqual([[], []]);
  });

  it.each<[string, () => ReturnType<typeof daemonNode>, string, RegExp]>([
    ['gone', () => daemonNode('/gone/node', undefined, works), 'warning', /^holdfast restart$/],
    ['without libatomic', () => daemonNode(withoutLibrary(), undefined, works), 'warning', /install libatomic1$/],
    ['without libatomic, and no other', () => daemonNode(withoutLibrary(), undefined, none), 'problem', /libatomic1$/],
    ['not there at all', () => daemonNode(undefined, undefined, none), 'problem', /^export HOLDFAST_NODE=/],
    ['named wrongly', () => daemonNode(undefined, '/gone/node', none), 'problem', /^unset HOLDFAST_NODE$/],
  ])('%s', (_name, findings, level, fix) => {
    expect(findings()).toMatchObject([{ level, fix: expect.stringMatching(fix) as string }]);
  });
});
