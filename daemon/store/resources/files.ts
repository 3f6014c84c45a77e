import { invalidField } from '../../../shared/errors.ts';
import type { InputOf } from '../../../shared/operation.ts';
import type * as files from '../../../shared/resources/files.ts';
import { page } from '../page.ts';
import { Damaged, isoTime, revisionOf, table, type Context, type Tx } from '../tx.ts';
import { Wait } from '../wait.ts';
import { admit, free, heldOf, stateOf, stateSql, take, timesOf, type Claimable } from './claims.ts';

// Invariant: a path's row holds the change of the highest sequence that was pushed, queued while its rank is not 0, so
// one that comes late undoes nothing, whether the newer one is queued, claimed or dealt with.

/** How long a path is remembered after its last change was dealt with, in milliseconds. */
const remembered = 30 * 86_400_000;
/** Paths that a sweep forgets at once. */
const slice = 200;

export const scans = { stats: 'FROM file_change WHERE app = ?' };

interface FileRow extends Claimable {
  app: string;
  path: string;
  event: files.FileChange['event'];
  renamed_from: string | null;
  mtime_ms: number | null;
  size: number | null;
  hash: string | null;
  sequence: number;
  updated_at: number;
  position: number;
}
const file = table<FileRow>(
  'file_change',
  ['app', 'path'],
  [
    'event',
    'renamed_from',
    'mtime_ms',
    'size',
    'hash',
    'sequence',
    'rank',
    'attempts',
    'claim',
    'hidden_until',
    'hidden_ms',
    'reason',
    'updated_at',
    'position',
  ],
);

const toFile = (row: FileRow, context: Context): files.File => ({
  path: row.path,
  event: row.event,
  from: row.renamed_from,
  mtimeMs: row.mtime_ms,
  size: row.size,
  hash: row.hash,
  sequence: row.sequence,
  state: stateOf(row, context.at),
  ...heldOf(row, context.at),
  updatedAt: isoTime(row.updated_at),
  revision: revisionOf(context, row.position),
});

/** Nobody has it. */
const fresh = { attempts: 0, ...free(0, 0), reason: null };

export async function push(tx: Tx, input: InputOf<typeof files.push>, context: Context) {
  const superseded: string[] = [];
  let queued = 0;
  const one = async (change: files.FileChange) => {
    if (await keepNewest(tx, change, context)) queued += 1;
    else superseded.push(change.path);
  };
  for (const change of input.changes) {
    if (change.event === 'rename' && change.from !== change.path)
      await one({ event: 'unlink', path: change.from, sequence: change.sequence });
    await one(change);
  }
  return { queued, superseded };
}

/** Queues a change unless a newer one, or it, was pushed before. A damaged row is mended by it. */
async function keepNewest(tx: Tx, change: files.FileChange, context: Context): Promise<boolean> {
  const { app } = context;
  const { path, event, sequence } = change;
  const [found] = await tx.select(file, 'WHERE app = ? AND path = ?', app, path);
  const before = found instanceof Damaged ? undefined : found;
  if (before && before.sequence >= sequence) return false;
  const position = await tx.change({ kind: 'file', id: path });
  await tx.put(file, {
    app,
    path,
    event,
    renamed_from: change.event === 'rename' ? change.from : null,
    mtime_ms: change.mtimeMs ?? null,
    size: change.size ?? null,
    hash: change.hash ?? null,
    sequence,
    // Whoever works on an older change keeps the path to itself until it is done with it.
    rank: before?.rank || position,
    attempts: before?.attempts ?? 0,
    claim: before?.claim ?? 0,
    hidden_until: before?.hidden_until ?? 0,
    hidden_ms: before?.hidden_ms ?? 0,
    reason: before?.reason ?? null,
    updated_at: context.at,
    position,
  });
  return true;
}

export async function claim(tx: Tx, input: InputOf<typeof files.claim>, context: Context) {
  const taken = await take<FileRow>(tx, input, context, {
    table: file,
    kind: 'file',
    id: 'path',
    where: 'app = ? AND rank > 0',
    parameters: [input.app],
    called: ({ path }) => path,
    changes: {},
  });
  if (taken instanceof Wait) return taken;
  const items = taken.rows.map((row) => ({ ...toFile(row, context), claim: context.tokenOf(row.claim) }));
  return { items, damaged: taken.damaged };
}

/** The row of a path that the caller has claimed. */
async function claimed(
  tx: Tx,
  { app, path, claim: token }: { app: string; path: string; claim: string },
  context: Context,
) {
  const row = await tx.find(file, { app, path });
  if (!row) throw invalidField('path', 'must be one that a claim has answered');
  admit(row, token, context, `'${path}'`);
  return row;
}

export async function ack(tx: Tx, input: InputOf<typeof files.ack>, context: Context) {
  const row = await claimed(tx, input, context);
  if (input.sequence > row.sequence) throw invalidField('sequence', 'must be that of the change which was claimed');
  const position = await tx.change({ kind: 'file', id: row.path });
  const queued = row.sequence > input.sequence;
  await tx.put(file, { ...row, ...fresh, rank: queued ? row.rank : 0, updated_at: context.at, position });
  return { path: row.path, queued, revision: revisionOf(context, position) };
}

export async function nack(tx: Tx, input: InputOf<typeof files.nack>, context: Context) {
  const row = await claimed(tx, input, context);
  const position = await tx.change({ kind: 'file', id: row.path });
  const given = { ...free(input.delayMs ?? 0, context.at), reason: input.reason ?? null };
  const next = { ...row, ...given, updated_at: context.at, position };
  await tx.put(file, next);
  return toFile(next, context);
}

export async function list(tx: Tx, input: InputOf<typeof files.list>, context: Context) {
  const { app, limit, cursor } = input;
  const order = { sort: 'rank', type: 'number', tie: 'path', order: input.order ?? 'asc' } as const;
  return page(
    tx,
    context,
    file,
    { ...order, limit, cursor, where: ['app = ?', 'rank > 0'], parameters: [app] },
    (row) => toFile(row, context),
    (row) => row.path,
  );
}

export async function stats(tx: Tx, input: InputOf<typeof files.stats>, context: Context) {
  const sql = `SELECT ${stateSql()}, count(*), min(updated_at) FROM file_change WHERE app = ? AND rank > 0 GROUP BY 1`;
  const found = new Map(
    (await tx.query(sql, ...timesOf(context.at), input.app)).map(([state, ...rest]) => [state, rest]),
  );
  const count = (state: string) => Number(found.get(state)?.[0] ?? 0);
  const oldest = found.get('ready')?.[1];
  return {
    ready: count('ready'),
    claimed: count('claimed'),
    delayed: count('delayed'),
    oldestReadyAt: oldest == null ? null : isoTime(Number(oldest)),
  };
}

/** Forgets paths long after their last change was dealt with; answers whether there may be more. */
export async function sweep(tx: Tx, at: number): Promise<boolean> {
  const over = await tx.query(
    'SELECT app, path FROM file_change WHERE rank = 0 AND updated_at <= ? LIMIT ?',
    at - remembered,
    slice,
  );
  for (const [app, path] of over) await tx.delete(file, { app: String(app), path: String(path) });
  return over.length === slice;
}
