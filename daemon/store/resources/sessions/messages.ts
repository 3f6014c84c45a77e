import { HoldfastError } from '../../../../shared/errors.ts';
import type { InputOf } from '../../../../shared/operation.ts';
import type * as sessions from '../../../../shared/resources/sessions.ts';
import { decodeCursor, encodeCursor } from '../../page.ts';
import { JsonText, type Context, type Tx } from '../../tx.ts';
import { guardGeneration } from './guards.ts';
import { deliveriesOf, isDamaged, messageText, pickMessages, readPicked } from './read.ts';
import { findHead, sessionNumber, type HeadRow } from './rows.ts';

/** A page ends at this many bytes of messages, so that one request never holds more in memory. */
const pageBytes = 4 * 1024 * 1024;
/** A page looks at no more rows than this: a role that is rare makes short pages, not slow ones. */
const pageRows = 10_000;

type Input = InputOf<typeof sessions.messages>;

/** Messages of a session by seq. Their text goes out as it was stored. */
export async function messages(tx: Tx, input: Input, context: Context) {
  const head = await findHead(tx, await sessionNumber(tx, input.app, input.id), input.id);
  guardGeneration(head, input.expectedGeneration);
  const ascending = input.last === undefined && input.order !== 'desc';
  const list = `${context.op} ${ascending ? 'asc' : 'desc'}`;
  const [low, high] = bounds(input, context, head, list, ascending);
  // The far end of what this page looks at: without a role, every seq in between is a message.
  const limit = input.last ?? input.limit;
  const most = input.role === undefined ? limit : pageRows;
  const stop = ascending ? Math.min(high, low + most - 1) : Math.max(low, high - most + 1);
  const [from, to] = ascending ? [low, stop] : [stop, high];

  const wanted = { from, to, ascending, limit, bytes: pageBytes, role: input.role };
  const { seqs, complete } = await pickMessages(tx, head, wanted);
  const rows = await readPicked(tx, head, seqs);
  const items = seqs.map((seq) => messageText(seq, rows.get(seq)));
  const reached = complete ? stop : (seqs.at(-1) ?? stop);
  const more = ascending ? reached < high : reached > low;
  const place = [head.session_no, head.generation, reached];
  const nextCursor = more ? encodeCursor(context, list, place) : null;
  const deliveries = await deliveriesOf(tx, head.session_no, rows);
  const damaged = [...seqs.filter((seq) => isDamaged(rows.get(seq))), ...deliveries.filter((one) => 'damaged' in one)];
  return new JsonText(
    `{"items":[${(input.last === undefined ? items : items.toReversed()).join(',')}],` +
      `"nextCursor":${JSON.stringify(nextCursor)},"damagedCount":${damaged.length},"head":${head.head},` +
      `"generation":${head.generation},"deliveries":${JSON.stringify(deliveries)}}`,
  );
}

/** Lowest and highest seq that the call asks for and has not seen. */
function bounds(input: Input, context: Context, head: HeadRow, list: string, ascending: boolean) {
  const low = (input.after ?? 0) + 1;
  const high = Math.min(head.head, (input.before ?? head.head + 1) - 1);
  if (input.cursor === undefined) return [low, high] as const;
  const place = decodeCursor(context, list, input.cursor, ['number', 'number', 'number']);
  const [session, generation, seq] = place as [number, number, number];
  if (session !== head.session_no) throw new HoldfastError('reset', 'The cursor belongs to another session.');
  guardGeneration(head, generation);
  return ascending ? ([Math.max(low, seq + 1), high] as const) : ([low, Math.min(high, seq - 1)] as const);
}
