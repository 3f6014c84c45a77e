import * as z from 'zod';
import { app, count, label } from '../../fields.ts';
import { operation } from '../../operation.ts';
import { summary } from './fields.ts';

export const resolve = operation({
  method: 'GET',
  path: '/v1/apps/{app}/sessions:resolve',
  kind: 'read',
  access: 'read',
  summary: 'The one session whose id begins so; several are refused with their ids, never guessed among',
  input: z.strictObject({
    app: app(),
    prefix: z
      .string()
      .refine((text) => text.isWellFormed(), { error: 'must be well-formed Unicode (it holds a lone surrogate)' })
      .normalize('NFC')
      .refine((text) => Array.from(text).length >= 4, { error: 'must have at least 4 characters' })
      .refine((text) => Array.from(text).length <= 200, { error: 'must have at most 200 characters' }),
  }),
  output: z.object({ id: z.string() }),
});

export const resumable = operation({
  method: 'GET',
  path: '/v1/apps/{app}/sessions:resumable',
  kind: 'read',
  access: 'read',
  summary: 'The active session that changed last and that nobody holds a lease of, or none',
  input: z.strictObject({ app: app(), workingDirectory: label(4096).optional() }),
  output: z.object({ session: summary.nullable() }),
});

export const abandon = operation({
  method: 'POST',
  path: '/v1/apps/{app}/sessions:abandon',
  kind: 'write',
  access: 'write',
  summary: 'Marks active sessions abandoned that did not change for so long, all at once; leased ones are left alone',
  input: z.strictObject({ app: app(), idleMs: count(), dryRun: z.boolean().optional() }),
  output: z.object({
    abandoned: z.array(z.string()).describe('With dryRun, those that would be'),
    leased: z.array(z.string()).describe('Idle as long, but held'),
    damaged: z.array(z.string()).describe('Left as they are: a row of theirs is damaged'),
  }),
});
