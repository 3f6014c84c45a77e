import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Disk, seeded, type Mode } from './disk.ts';
import { parse } from './trace.ts';

// Cuts the power at many points of a recorded run and looks at what is left. A process of its own: it blocks.

export interface Job {
  traces: string[];
  database: string;
  mode: Mode;
  /** Files whose fsync is taken out, as by `synchronous = OFF`: endings of their paths. */
  withoutSync: string[];
  cuts: number;
  /** Folder for the images of some cuts, half of them before anything was acknowledged, for a daemon to start from. */
  keep?: { folder: string; count: number };
}
export interface Result {
  /** Events by kind, to prove that the recording saw the daemon. */
  seen: Record<string, number>;
  acknowledged: number;
  cuts: number;
  bad: string[];
  kept: { data: string; ids: string[] }[];
}

function replay(job: Job): Result {
  const folder = dirname(job.database);
  const events = job.traces.flatMap((trace) => parse(readFileSync(trace, 'latin1'), folder));
  const result: Result = { seen: {}, acknowledged: 0, cuts: 0, bad: [], kept: [] };
  const disk = new Disk(folder);
  const ids: string[] = [];
  const chance = seeded(1);
  const cuts = places(events.length, job.cuts);
  // Half of them from the first start, where the store itself is made.
  const made = events.findIndex(({ kind }) => kind === 'acknowledged');
  const half = (job.keep?.count ?? 0) / 2;
  const keeps = new Set([
    ...places(made, half),
    ...[...places(events.length - made, half)].map((place) => made + place),
  ]);
  const scratch = mkdtempSync(join(dirname(job.traces[0] ?? ''), 'cut-'));
  for (const [index, event] of events.entries()) {
    if (cuts.has(index)) {
      write(disk.afterPowerCut(job.mode, chance), scratch);
      const wrong = judge(join(scratch, basename(job.database)), ids);
      if (wrong) result.bad.push(`cut ${index} of ${events.length}: ${wrong}`);
      result.cuts += 1;
    }
    if (job.keep && keeps.has(index)) {
      const data = join(job.keep.folder, `cut-${index}`, 'data');
      write(disk.afterPowerCut(job.mode, chance), data);
      result.kept.push({ data, ids: [...ids] });
    }
    result.seen[event.kind] = (result.seen[event.kind] ?? 0) + 1;
    if (event.kind === 'acknowledged') ids.push(...event.ids);
    else if (event.kind !== 'sync' || !job.withoutSync.some((ending) => event.path.endsWith(ending))) disk.apply(event);
  }
  rmSync(scratch, { recursive: true });
  result.acknowledged = ids.length;
  return result;
}

/** About `count` places, evenly spread over `length` events. */
function places(length: number, count: number): Set<number> {
  return new Set(Array.from({ length: count }, (_, index) => Math.floor((index * length) / count)));
}

function write(files: Map<string, Buffer>, folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const [path, bytes] of files) writeFileSync(join(folder, basename(path)), bytes);
}

/** What is wrong with a database, undefined when it is sound and holds every acknowledged message. */
function judge(path: string, ids: string[]): string | undefined {
  if (!existsSync(path)) return ids.length > 0 ? `lost all of ${ids.length}` : undefined;
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path);
    const integrity = String(db.prepare('PRAGMA integrity_check').get()?.['integrity_check']);
    if (integrity !== 'ok') return integrity;
    if (ids.length === 0) return undefined;
    const rows = db.prepare("SELECT id FROM log WHERE kind = 'message'").all();
    const stored = new Set(rows.map(({ id }) => id));
    const lost = ids.filter((id) => !stored.has(id)).length;
    return lost > 0 ? `lost ${lost} of ${ids.length}` : undefined;
  } catch (error) {
    return String(error);
  } finally {
    db?.close();
  }
}

process.once('message', (job: Job) => {
  process.send?.(replay(job), () => process.disconnect?.());
});
