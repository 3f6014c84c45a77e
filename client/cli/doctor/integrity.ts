import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { DamagedRow, IntegrityLine } from '../../../shared/integrity.ts';
import { paths } from '../../../shared/paths.ts';
import { findNode } from '../../autostart.ts';
import { integrityEntry } from '../../program.ts';
import { linkStatsOf } from '../stats.ts';

/** A database of so many bytes is checked without being asked for: two seconds. */
export const smallBytes = 200 * 1024 * 1024;

interface Report {
  damaged: DamagedRow[];
  faults: string[];
  key?: { code: string; detail: string };
  /** Why it is not known. */
  failed?: string;
}

/** What is known of the database: nothing of one that was too large to be looked at unasked. */
export interface Examined {
  bytes: number;
  report?: Report;
  /** There is no Node to look at it with. */
  noNode?: true;
}

const sizeOf = (path: string) => linkStatsOf(path)?.size ?? 0;

/** Reads every row of the database in a process of its own: opened in the daemon's, a file would lose its locks. */
export async function examineDatabase(
  environment: NodeJS.ProcessEnv,
  asked: boolean,
  progress: (percent: number) => void,
): Promise<Examined> {
  const own = paths(environment);
  const bytes = sizeOf(own.database) + sizeOf(`${own.database}-wal`);
  if (bytes === 0 || (bytes > smallBytes && !asked)) return { bytes };
  let node: string;
  try {
    node = findNode(own);
  } catch {
    return { bytes, noNode: true };
  }
  const report: Report = { damaged: [], faults: [] };
  let ended = false;
  try {
    const { NODE_OPTIONS: _, ...env } = environment;
    const child = spawn(node, [integrityEntry()], { env, stdio: ['ignore', 'pipe', 'ignore'] });
    const gone = new Promise<string | undefined>((resolve) => {
      child.once('close', () => resolve(undefined)).once('error', ({ message }) => resolve(message));
    });
    for await (const text of createInterface(child.stdout)) {
      const line = JSON.parse(text) as IntegrityLine;
      if ('progress' in line) progress(Math.min(99, Math.floor((100 * line.progress.done) / (line.progress.of || 1))));
      else if ('damaged' in line) report.damaged.push(line.damaged);
      else if ('fault' in line) report.faults.push(`${line.fault.table}: ${line.fault.detail}`);
      else if ('key' in line) report.key = line.key;
      else if ('failed' in line) report.failed = line.failed;
      else ended = true;
    }
    const failed = await gone;
    if (failed !== undefined) report.failed = failed;
  } catch (error) {
    report.failed = (error as Error).message;
  }
  progress(100);
  if (!ended) report.failed ??= 'its check was cut off';
  return { bytes, report };
}
