import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { Paths } from '../shared/paths.ts';

// What a daemon leaves in its state directory for whoever finds it silent or gone: hints, which may be old.

/** What a file of ours holds; undefined when it cannot be read. */
export function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as unknown;
  } catch {
    return undefined;
  }
}

/** By a rename: the file may be another user's, after a sudo, and on a full disk the one before stays. */
export function writeJson(path: string, content: object): void {
  const temporary = `${path}.${process.pid}`;
  try {
    writeFileSync(temporary, JSON.stringify(content), { mode: 0o600 });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Who says it serves. */
export const daemonOf = (daemonFile: string) => readJson(daemonFile) as { pid: number; socket: string } | undefined;

/** Why the last daemon could not run, in its own words. */
export const lastErrorOf = ({ lastError }: Paths) =>
  readJson(lastError) as { exitCode: number; message: string; at: string } | undefined;

/** The same, but not what one said that was refused while another, which is gone by now, served. */
export function lastFailureOf(own: Paths) {
  const last = lastErrorOf(own);
  return last?.exitCode === 75 ? undefined : last;
}

/** The Node that the daemon last ran on. */
export function lastNodeOf({ lastStart }: Paths): string | undefined {
  const { node } = (readJson(lastStart) ?? {}) as { node?: unknown };
  return typeof node === 'string' ? node : undefined;
}
