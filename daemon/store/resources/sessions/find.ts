import { HoldfastError } from '../../../../shared/errors.ts';
import type { InputOf } from '../../../../shared/operation.ts';
import type * as sessions from '../../../../shared/resources/sessions.ts';
import { furthest, type Context, type Tx } from '../../tx.ts';
import { toSummary } from './answer.ts';
import { findHead, findRow, findSession, isLeased, session, type HeadRow } from './rows.ts';
import { putHead } from './save.ts';

const lastCharacter = '\u{10ffff}';
/** Ids that an ambiguous prefix names. */
const shown = 20;

/** The one session whose id begins with the prefix. A whole id names its session though others begin with it. */
export async function resolve(tx: Tx, input: InputOf<typeof sessions.resolve>, _context: Context) {
  const { app, prefix } = input;
  if ((await findSession(tx, app, prefix)) !== undefined) return { id: prefix };
  const rows = await tx.query(
    `SELECT id FROM session WHERE app = ? AND id > ? AND id < ? AND deleted_at IS NULL AND substr(id, 1, length(?)) = ?
     ORDER BY id LIMIT ?`,
    app,
    prefix,
    prefix + lastCharacter.repeat(200),
    prefix,
    prefix,
    shown + 1,
  );
  const ids = rows.map(([id]) => String(id));
  const [only] = ids;
  if (only === undefined) throw new HoldfastError('not_found', `No session's id begins with '${prefix}'.`);
  if (ids.length === 1) return { id: only };
  const count = ids.length > shown ? `More than ${shown}` : ids.length;
  throw new HoldfastError('ambiguous', `${count} sessions' ids begin with '${prefix}': give more of it.`, {
    candidates: ids.slice(0, shown),
  });
}

/** The newest active session that nobody holds. A damaged one is passed over: it cannot be resumed. */
export async function resumable(tx: Tx, input: InputOf<typeof sessions.resumable>, context: Context) {
  const here = input.workingDirectory === undefined ? '' : 'AND s.working_directory = ?';
  const rows = await tx.query(
    `SELECT s.session_no, s.id FROM session s JOIN session_head h ON h.session_no = s.session_no
     WHERE s.app = ? AND s.deleted_at IS NULL AND s.status = 'active' 
       AND (h.lease_until <= ? OR h.lease_until > ? + h.lease_ttl) ${here}
     ORDER BY h.updated_at DESC, s.session_no DESC`,
    input.app,
    context.at,
    furthest(context.at, 0),
    ...(input.workingDirectory === undefined ? [] : [input.workingDirectory]),
  );
  for (const [number, id] of rows) {
    const found = await whole(tx, Number(number), String(id));
    if (found) return { session: toSummary(found.row, found.head, context) };
  }
  return { session: null };
}

/** Marks active sessions abandoned that are idle. Each is read again here, in the transaction that marks it. */
export async function abandon(tx: Tx, input: InputOf<typeof sessions.abandon>, context: Context) {
  const answer = { abandoned: [] as string[], leased: [] as string[], damaged: [] as string[] };
  const rows = await tx.query(
    `SELECT s.session_no, s.id FROM session s LEFT JOIN session_head h ON h.session_no = s.session_no
     LEFT JOIN draft d ON d.session_no = s.session_no
     WHERE s.app = ? AND s.deleted_at IS NULL AND s.status = 'active'
       AND max(coalesce(h.updated_at, s.created_at), coalesce(d.updated_at, 0)) <= ?
     ORDER BY s.session_no`,
    input.app,
    context.at - input.idleMs,
  );
  for (const [number, name] of rows) {
    const id = String(name);
    const found = await whole(tx, Number(number), id);
    if (!found) answer.damaged.push(id);
    else if (isLeased(found.head, context)) answer.leased.push(id);
    else {
      answer.abandoned.push(id);
      if (input.dryRun !== true) await mark(tx, found.row, found.head, context);
    }
  }
  return answer;
}

async function mark(tx: Tx, row: Awaited<ReturnType<typeof findRow>>, head: HeadRow, context: Context): Promise<void> {
  const position = await tx.change({ kind: 'session', id: row.id });
  await tx.keep(position, 'session', row.id, row);
  await tx.put(session, { ...row, status: 'abandoned' });
  await putHead(tx, head, { ...head, position }, context);
}

/** Both rows of a session, or undefined when one is damaged. */
async function whole(tx: Tx, number: number, id: string) {
  try {
    return { row: await findRow(tx, number, id), head: await findHead(tx, number, id) };
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'damaged') return undefined;
    throw error;
  }
}
