import { readFileSync } from 'node:fs';
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

/** Who says it serves. */
export const daemonOf = (daemonFile: string) => readJson(daemonFile) as { pid: number; socket: string } | undefined;

/** Why the last daemon could not run, in its own words. */
export const lastErrorOf = ({ lastError }: Paths) =>
  readJson(lastError) as { exitCode: number; message: string; at: string } | undefined;

/** The Node that the daemon last ran on. */
export function lastNodeOf({ lastStart }: Paths): string | undefined {
  const { node } = (readJson(lastStart) ?? {}) as { node?: unknown };
  return typeof node === 'string' ? node : undefined;
}
