import * as z from 'zod';
import { jsonDocument, revision, timestamp, tombstone } from '../fields.ts';
import { operation } from '../operation.ts';
import { address, lease } from './sessions/fields.ts';

const path = '/v1/apps/{app}/sessions/{id}/draft';
const maxText = 4 * 1024 * 1024;

const draft = z.object({
  text: z.string(),
  metadata: z.record(z.string(), z.unknown()),
  updatedAt: timestamp(),
  revision: revision(),
});

export const put = operation({
  method: 'PUT',
  path,
  kind: 'write',
  access: 'write',
  summary: 'Keeps the answer so far, so that a kill in the middle loses little of it; one draft per session',
  input: z.strictObject({
    ...address,
    // Cut anywhere: half a surrogate pair at its end is kept.
    text: z.string().max(maxText, { error: `must not exceed ${maxText} characters` }),
    metadata: jsonDocument().optional(),
    lease,
  }),
  output: z.object({ updatedAt: timestamp(), revision: revision() }),
  statuses: [201, 200],
});

export const get = operation({
  method: 'GET',
  path,
  kind: 'read',
  access: 'read',
  summary: 'The draft that a session has',
  input: z.strictObject(address),
  output: draft,
});

const remove = operation({
  method: 'DELETE',
  path,
  kind: 'write',
  access: 'write',
  summary: 'Drops the draft',
  input: z.strictObject({ ...address, lease }),
  output: tombstone,
});
export { remove as delete };
