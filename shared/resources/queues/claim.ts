import * as z from 'zod';
import { damagedItem, name, tombstone } from '../../fields.ts';
import { operation } from '../../operation.ts';
import { claimInput, claimToken, delayMs, reason } from '../claims.ts';
import { address, message, messagePath, path, queue } from './fields.ts';

export const claim = operation({
  method: 'POST',
  path: `${path}/claim`,
  kind: 'write',
  access: 'write',
  wait: true,
  summary: 'Gives out messages, urgent ones first, then by group and age as they were added, to this caller alone',
  input: z.strictObject({
    ...claimInput,
    queue: queue(),
    group: name().optional().describe('Only of this group'),
    maxAttempts: z
      .int()
      .min(1)
      .max(1000)
      .optional()
      .describe(
        'A message that was claimed so often and not acknowledged is dead; as before when absent, at first: never',
      ),
  }),
  output: z.object({
    items: z.array(message.extend({ claim: claimToken })),
    damaged: z.array(damagedItem).describe('Messages that were passed over because their rows are damaged'),
  }),
});

export const ack = operation({
  method: 'POST',
  path: `${messagePath}/ack`,
  kind: 'write',
  access: 'write',
  summary: 'Removes a message that is done; good also after its time, if nobody was given it since',
  input: z.strictObject({ ...address, claim: claimToken }),
  output: tombstone,
});

export const nack = operation({
  method: 'POST',
  path: `${messagePath}/nack`,
  kind: 'write',
  access: 'write',
  summary: 'Gives a message back, to its old place; after its last attempt it is dead',
  input: z.strictObject({ ...address, claim: claimToken, delayMs, reason }),
  output: message,
});
