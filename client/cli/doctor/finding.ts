import type { DamagedRow } from '../../../shared/integrity.ts';
import type { Patient } from './patient.ts';

/** `problem`: holdfast cannot run, or something is lost or open to others. `warning`: it works, and this is to be mended. */
export const levels = ['problem', 'warning', 'note'] as const;

/** Whole sentences, for people. */
export interface Finding {
  level: (typeof levels)[number];
  what: string;
  why: string;
  /** The one command that mends it; null where nothing is to be done, or nothing that a command does. */
  fix: string | null;
  /** What `--fix` may do by itself, for it can take nothing away from anybody. */
  repair?: Repair;
  /** Records that it is about; names are the user's own, so no bundle has them. */
  records?: DamagedRow[];
}

export interface Repair {
  /** What is done, as in 'would ...': `close /home/x/.local/share/holdfast to other users`. */
  what: string;
  /** Looks again before it changes anything: what was found may be old. */
  run: (tell: (line: string) => void) => void | Promise<void>;
}

export type Check = (patient: Patient) => Finding[] | Promise<Finding[]>;

/** A word of a shell command. */
export const quoted = (word: string): string =>
  /^[\w@%+=:,./~-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;

/** A time as it stands in logs. */
export const isoTime = (ms: number): string => new Date(ms).toISOString();
