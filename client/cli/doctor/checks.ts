import { clock } from './clock.ts';
import { daemon } from './daemon.ts';
import { database } from './database.ts';
import { directories } from './directories.ts';
import { disk } from './disk.ts';
import { environment } from './environment.ts';
import { fileSystem } from './file-system.ts';
import { files } from './files.ts';
import type { Check, Finding } from './finding.ts';
import { levels } from './finding.ts';
import { key } from './key.ts';
import { lastStop } from './last-stop.ts';
import { log } from './log.ts';
import { node } from './node.ts';
import { ownership } from './ownership.ts';
import type { Patient } from './patient.ts';
import { service } from './service.ts';
import { socket } from './socket.ts';
import { startLock } from './start-lock.ts';
import { starts } from './starts.ts';
import { versions } from './versions.ts';

/** Every check by its id. To add one: a file that is named for what it looks at, and a line here. */
const checks: Record<string, Check> = {
  database,
  key,
  directories,
  files,
  ownership,
  'start-lock': startLock,
  socket,
  daemon,
  versions,
  node,
  service,
  'file-system': fileSystem,
  disk,
  clock,
  'last-stop': lastStop,
  starts,
  log,
  environment,
};

export const checkIds = Object.keys(checks);

export interface Found extends Finding {
  check: string;
}

/** What all checks find, worst first. One that fails hides no other. */
export async function examine(patient: Patient): Promise<Found[]> {
  const found: Found[] = [];
  for (const [check, run] of Object.entries(checks)) {
    try {
      found.push(...(await run(patient)).map((finding) => ({ check, ...finding })));
    } catch (error) {
      const what = `The check '${check}' could not be made: ${(error as Error).message}.`;
      found.push({ check, level: 'warning', what, why: 'What it looks at may be wrong, and nobody knows.', fix: null });
    }
  }
  return found.toSorted((a, b) => levels.indexOf(a.level) - levels.indexOf(b.level));
}
