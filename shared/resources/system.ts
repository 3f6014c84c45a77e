import * as z from 'zod';
import { count, timestamp } from '../fields.ts';
import { operation } from '../operation.ts';

export const health = operation({
  method: 'GET',
  path: '/v1/health',
  kind: 'read',
  access: 'read',
  summary: 'Whether the daemon can serve, and why not; asks the writer nothing and is never logged',
  input: z.strictObject({}),
  output: z.object({
    status: z.enum(['ok', 'degraded', 'starting', 'stopping', 'unhealthy']),
    reasons: z.array(z.string()).describe('Codes of what is wrong, such as writer_stalled; empty when ok'),
    version: z.string(),
    protocol: z.int(),
    pid: z.int(),
    uptimeMs: count(),
    queueDepth: count().describe('Writes that are not answered yet'),
    oldestUnansweredMs: count().describe('Age of the oldest of them'),
    lastCommitAt: timestamp().nullable(),
    walBytes: count(),
    freeBytes: count().describe('Free space of the file system that holds the data'),
  }),
});

export const version = operation({
  method: 'GET',
  path: '/v1/version',
  kind: 'read',
  access: 'read',
  summary: 'Versions of the daemon, its protocol and its store',
  input: z.strictObject({}),
  output: z.object({
    version: z.string(),
    protocol: z.int(),
    schemaVersion: z.int(),
    node: z.string(),
    engine: z.string().describe('The database engine and its version'),
  }),
});

export const metrics = operation({
  method: 'GET',
  path: '/v1/metrics',
  kind: 'read',
  access: 'read',
  summary:
    'Counters and gauges in the text format of Prometheus; no label holds what a caller wrote but the name of its app',
  input: z.strictObject({}),
  output: z.string(),
  produces: { text: 'text/plain; version=0.0.4; charset=utf-8' },
});

export const openapi = operation({
  method: 'GET',
  path: '/v1/openapi.json',
  kind: 'read',
  access: 'read',
  summary: 'This contract as OpenAPI 3.1',
  input: z.strictObject({}),
  output: z.looseObject({ openapi: z.string() }),
});

export const shutdown = operation({
  method: 'POST',
  path: '/v1/shutdown',
  kind: 'read',
  access: 'admin',
  summary: 'Stops the daemon: what was accepted is finished first',
  input: z.strictObject({}),
  output: z.object({ pid: z.int() }),
  statuses: [202],
});
