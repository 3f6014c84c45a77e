import * as z from 'zod';
import {
  app,
  count,
  expectedRevision,
  ifAbsent,
  jsonDocument,
  label,
  listInput,
  page,
  timestampInput,
  tombstone,
} from '../fields.ts';
import { operation } from '../operation.ts';
import { address, lease, messagesInput, session, sessionId, status, summary, usage } from './sessions/fields.ts';

export { append, exportMessages as export, messages, setDelivery, stream } from './sessions/messages.ts';
export { abandon, resolve, resumable } from './sessions/find.ts';
export type { Session, SessionSummary } from './sessions/fields.ts';

const about = {
  title: label().optional(),
  model: label().optional(),
  workingDirectory: label(4096).optional(),
  status: status.optional().describe('active when absent'),
  metadata: jsonDocument().optional(),
  createdAt: timestampInput().optional().describe('Of a session that is older than its record here'),
};

export const create = operation({
  method: 'POST',
  path: '/v1/apps/{app}/sessions',
  kind: 'write',
  access: 'write',
  summary: 'Creates a session; an id that exists is refused',
  input: z.strictObject({ app: app(), id: sessionId().optional(), ...about }),
  output: session,
  statuses: [201],
});

export const get = operation({
  method: 'GET',
  path: '/v1/apps/{app}/sessions/{id}',
  kind: 'read',
  access: 'read',
  summary: 'One session without its messages, and who holds its lease',
  input: z.strictObject(address),
  output: session,
});

export const list = operation({
  method: 'GET',
  path: '/v1/apps/{app}/sessions',
  kind: 'read',
  access: 'read',
  summary: 'Sessions without metadata, newest change first unless asked otherwise',
  input: z.strictObject({
    app: app(),
    ...listInput,
    sort: z.enum(['updatedAt', 'createdAt', 'id']).default('updatedAt'),
    status: status.optional(),
    workingDirectory: label(4096).optional(),
    model: label().optional(),
    updatedAfter: timestampInput().optional(),
    updatedBefore: timestampInput().optional(),
    deleted: z.boolean().default(false).describe('Those that were deleted and can be restored, instead'),
  }),
  output: page(summary),
});

export const update = operation({
  method: 'PATCH',
  path: '/v1/apps/{app}/sessions/{id}',
  kind: 'write',
  access: 'write',
  summary: 'Changes what the patch names (RFC 7396); one that changes nothing leaves the revision as it is',
  input: z.strictObject({
    ...address,
    patch: z.strictObject({
      title: label().nullable().optional(),
      model: label().nullable().optional(),
      workingDirectory: label(4096).nullable().optional(),
      status: status.optional(),
      metadata: jsonDocument().nullable().optional(),
    }),
    expectedRevision: expectedRevision(),
    lease,
  }),
  output: session,
});

export const replace = operation({
  method: 'PUT',
  path: '/v1/apps/{app}/sessions/{id}',
  kind: 'write',
  access: 'write',
  summary: 'Saves a whole session: stores the messages that differ from those stored, and clears what it leaves out',
  input: z.strictObject({
    ...address,
    ...about,
    status: status.optional().describe('As it was when absent; active at first'),
    usage: usage.optional().describe('The sums of the whole session; as they were when absent'),
    messages: messagesInput,
    allowShrink: z.boolean().optional().describe('Also when the document lacks messages that are stored'),
    expectedRevision: expectedRevision(),
    ifAbsent: ifAbsent(),
    lease,
  }),
  mainOnly: ({ allowShrink }) => (allowShrink ? "'allowShrink' drops messages that are stored" : undefined),
  output: summary,
  statuses: [201, 200],
});

export const fork = operation({
  method: 'POST',
  path: '/v1/apps/{app}/sessions/{id}/fork',
  kind: 'write',
  access: 'write',
  summary: 'A new session that begins with the messages of this one up to a seq, at the same cost at any length',
  input: z.strictObject({
    ...address,
    to: sessionId().optional().describe('Id of the new session; made when absent'),
    upTo: count().optional().describe('seq of the last message it shares; all of them when absent'),
    title: label().optional().describe("The parent's when absent"),
    expectedGeneration: count().optional(),
  }),
  output: summary,
  statuses: [201],
});

const remove = operation({
  method: 'DELETE',
  path: '/v1/apps/{app}/sessions/{id}',
  kind: 'write',
  access: 'write',
  summary: 'Deletes a session; it can be restored for 30 days unless it is erased',
  input: z.strictObject({
    ...address,
    erase: z.boolean().optional().describe('For good, at once; also a session that was deleted before'),
    expectedRevision: expectedRevision(),
    lease,
  }),
  output: tombstone,
});
export { remove as delete };

export const restore = operation({
  method: 'POST',
  path: '/v1/apps/{app}/sessions/{id}/restore',
  kind: 'write',
  access: 'write',
  summary: 'Takes the newest deletion of this id back',
  input: z.strictObject(address),
  output: session,
});
