import { readFileSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { mounts } from '../../../shared/mounts.ts';
import { paths, type Paths } from '../../../shared/paths.ts';
import { daemonOf, readJson } from '../../daemon-files.ts';
import { installedService, type Installed } from '../../service-manager.ts';
import { probe, type Found } from '../probe.ts';
import { statsOf } from '../stats.ts';
import type { Examined } from './integrity.ts';

const answerMs = 2_000;

/** What the checks look at. Nothing in it comes from a client: it must be true of a daemon of any version, and of none. */
export interface Patient {
  own: Paths;
  environment: NodeJS.ProcessEnv;
  found: Found;
  /** What the last daemon said of itself. */
  said: { pid: number; startedAt?: string; node?: string } | undefined;
  /** The process that holds owner.lock; undefined when nobody does, or where the system does not tell (macOS). */
  owner: number | undefined;
  service: Installed | undefined;
  database: Examined;
  /** Milliseconds since 1970. */
  now: number;
  node: string;
  mountinfo: string;
  kernel: string;
  freeBytes: number;
}

export async function look(environment: NodeJS.ProcessEnv, database: Examined): Promise<Patient> {
  const own = paths(environment);
  const found = await probe(own, answerMs);
  const { bavail, bsize } = statfsSync(existing(own.data));
  return {
    own,
    environment,
    found,
    said: daemonOf(own.daemonFile),
    owner: ownerOf(own.ownerLock),
    service: installedService(environment),
    database,
    now: Date.now(),
    node: process.versions.node,
    mountinfo: mounts(),
    kernel: textOf('/proc/version'),
    freeBytes: bavail * bsize,
  };
}

/** The path, or the nearest directory above it that is there. */
export function existing(path: string): string {
  return statsOf(path) || dirname(path) === path ? path : existing(dirname(path));
}

const hex = (part: number) => part.toString(16).padStart(2, '0');

/** Who has the file locked, by the kernel's own table: opening the file would tell less and disturb more. */
function ownerOf(path: string): number | undefined {
  const found = statsOf(path);
  if (!found) return undefined;
  const [major, minor] = [(found.dev >> 8) & 0xfff, (found.dev & 0xff) | ((found.dev >> 12) & 0xfff00)];
  const place = `${hex(major)}:${hex(minor)}:${found.ino}`;
  const line = textOf('/proc/locks')
    .split('\n')
    .map((text) => text.split(/\s+/))
    .find((words) => words[1] === 'POSIX' && words[3] === 'WRITE' && words[5] === place);
  return Number(line?.[4]) || undefined;
}

/** A file of the system; '' where there is none. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** When a file of ours says that something was, in milliseconds. */
export function timeIn(path: string, field: string): number {
  const noted = readJson(path) as Record<string, unknown> | null | undefined;
  const time = noted?.[field];
  return typeof time === 'string' ? Date.parse(time) : Number.NaN;
}
