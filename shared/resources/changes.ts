import * as z from 'zod';
import { app, count, name, revision, timestamp } from '../fields.ts';
import { operation } from '../operation.ts';

/** One change of one record, as every reader is told of it: what changed, not what it is now. */
const change = z.object({
  position: revision().describe('Its place in the log: give it as `after` to go on from here'),
  tx: revision().describe('The same for all changes of one call or atomic batch, which became visible together'),
  at: timestamp(),
  app: z.string(),
  kind: z
    .string()
    .describe('session, message, draft, lease, delivery, feed, credential, pending, queue, claim, file, ...'),
  id: z.string(),
  op: z.string().describe('The operation that made it, as `feeds.put`'),
  session: z.string().nullable().describe('Of a message: the session that it was added to'),
  seq: count().nullable().describe('Of a message: its place in that session'),
  client: z.string().nullable().describe('What the caller said of itself'),
  pid: z.int().nullable(),
  requestId: z.string().nullable(),
  damaged: z
    .object({ reason: z.string() })
    .optional()
    .describe('The row of this change is damaged: what it says may be wrong'),
});

const most = (filter: z.ZodType<string>, limit: number) =>
  z
    .array(filter)
    .max(limit, { error: `must not name more than ${limit}` })
    .optional();

export const stream = operation({
  method: 'GET',
  path: '/v1/changes',
  kind: 'read',
  access: 'read',
  summary:
    'Every change in commit order as server-sent events: first what is stored since `after`, then each as it comes; where some are no longer kept or cannot be read, a problem whose `floor` is what to give as `after` to go on behind them',
  input: z.strictObject({
    after: z
      .string()
      .max(64)
      .optional()
      .describe(
        'The position of the last change that was seen; `0` for all that are kept, absent for those from now on',
      ),
    app: most(app(), 100).describe('Only of these applications'),
    kind: most(name(), 100).describe('Only of these kinds of record'),
    id: most(name(), 100).describe('Only of records, or messages of sessions, with these ids'),
  }),
  output: change,
  stream: 'out',
  produces: { events: 'text/event-stream' },
});
