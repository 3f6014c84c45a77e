import * as z from 'zod';
import { app, count, label, timestamp, timestampInput } from '../fields.ts';
import { operation } from '../operation.ts';
import { sessionId } from './sessions/fields.ts';

const query = {
  q: z
    .string()
    .max(1000, { error: 'must not exceed 1000 characters' })
    .describe('Words, all of them wanted; "words in quotes" as a phrase'),
  role: label(200).optional(),
  after: timestampInput().optional().describe('Only messages stored since'),
  before: timestampInput().optional().describe('Only messages stored before'),
  limit: z.int().min(1).max(100).default(20),
  cursor: z.string().max(2000).optional(),
  fresh: z.boolean().default(false).describe('Waits until every message stored so far can be found'),
};

const hit = z.object({
  app: z.string(),
  session: z.string(),
  title: z.string().nullable(),
  seq: count(),
  id: z.string(),
  role: z.string().nullable(),
  at: timestamp(),
  snippet: z.string().describe('The words around the first match, on one line'),
  matches: z.array(z.object({ start: count(), end: count() })).describe('Where in the snippet, in UTF-16 units'),
});

const damaged = hit
  .pick({ app: true, session: true, seq: true, id: true })
  .extend({ damaged: z.object({ reason: z.string() }) });

const results = z.object({
  items: z.array(z.union([hit, damaged])),
  nextCursor: z.string().nullable(),
  order: z.enum(['relevance', 'recency']).describe('recency where the words are in too many messages to weigh'),
  indexedTo: count().describe('Position in the log up to which messages can be found'),
  head: count().describe('Position of the newest change'),
});

/** Messages of one application. */
export const messages = operation({
  method: 'GET',
  path: '/v1/apps/{app}/search',
  kind: 'read',
  access: 'read',
  summary: 'Messages that hold all the words, best first, newer ones first among equals',
  input: z.strictObject({ app: app(), ...query, session: sessionId().optional() }),
  output: results,
});

/** Messages of all applications. */
export const everywhere = operation({
  method: 'GET',
  path: '/v1/search',
  kind: 'read',
  access: 'read',
  summary: 'The same over all applications',
  input: z.strictObject(query),
  output: results,
});
