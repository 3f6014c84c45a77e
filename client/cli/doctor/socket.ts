import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { untrusted, user } from '../../../shared/paths.ts';
import { listens } from '../../listens.ts';
import { isAlive, tryStartLock } from '../../start-lock.ts';
import { linkStatsOf } from '../stats.ts';
import { quoted, type Check, type Finding } from './finding.ts';
import type { Patient } from './patient.ts';

export const socket: Check = (patient) => {
  const { own } = patient;
  const path = own.socket;
  const danger = untrusted(path);
  if (danger !== undefined) {
    const why = 'Anybody can make a directory in /tmp, and would read what programs send there.';
    const fix = `mv ${quoted(dirname(path))} ${quoted(`${dirname(path)}.aside`)}`;
    return [{ level: 'problem', what: `${danger}.`, why, fix }];
  }
  const unfit = [path, own.agentSocket].flatMap(inTheWay);
  return [...unfit, ...(unfit.length > 0 ? [] : left(patient)), ...elsewhere(path, own.state)];
};

/** What is no socket of ours. */
function inTheWay(path: string): Finding[] {
  const file = linkStatsOf(path);
  if (!file) return [];
  if (!file.isSocket()) {
    const what = `${path} is no socket${file.isSymbolicLink() ? ', but a link' : ''}.`;
    const why = 'The daemon does not start so: it removes nothing that it did not make.';
    return [{ level: 'problem', what, why, fix: `mv ${quoted(path)} ${quoted(`${path}.aside`)}` }];
  }
  if (file.uid !== user().uid) {
    const what = `The socket ${path} belongs to user ${file.uid}.`;
    const why = "That user's daemon would get what your programs send.";
    return [{ level: 'problem', what, why, fix: `sudo rm ${quoted(path)}` }];
  }
  return [];
}

/** A socket whose daemon was killed; a start removes the one for agents with it. */
function left({ own, found, owner, said }: Patient): Finding[] {
  const path = own.socket;
  const file = linkStatsOf(path);
  if (!file) return [];
  const used = owner !== undefined || (said !== undefined && isAlive(said.pid));
  if (found.state !== 'stopped' || used) return [];
  return [
    {
      level: 'warning',
      what: `The socket ${path} was left by a daemon that is gone.`,
      why: 'That daemon was killed. The next start removes it; until then programs find nobody there.',
      fix: `rm ${quoted(path)}`,
      repair: { what: `remove the socket ${path}`, run: () => removeStale(own.state, path, file.ino) },
    },
  ];
}

/** Removes the very socket that was found, while no client may start a daemon. One that a service starts makes its own again. */
async function removeStale(state: string, path: string, inode: number): Promise<void> {
  const release = tryStartLock(state);
  try {
    const same = linkStatsOf(path)?.ino === inode;
    if (!release || !same || (await listens(path))) throw new Error('somebody is starting a daemon');
    rmSync(path);
  } finally {
    release?.();
  }
}

/** A path that the kernel would not take. */
function elsewhere(path: string, state: string): Finding[] {
  if (dirname(path) === state) return [];
  const what = `The socket is ${path}: in the state directory its path would be longer than the 103 bytes that a socket may have.`;
  return [
    { level: 'note', what, why: 'It works. Programs that make up the path themselves do not find it.', fix: null },
  ];
}
