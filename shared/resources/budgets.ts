import * as z from 'zod';
import {
  app,
  count,
  expectedRevision,
  ifAbsent,
  listInput,
  name,
  page,
  revision,
  timestamp,
  tombstone,
} from '../fields.ts';
import { operation } from '../operation.ts';

const path = '/v1/apps/{app}/budgets';
const address = { app: app(), name: name() };
const period = z.enum(['day', 'month', 'total']);

const budget = z.object({
  name: z.string(),
  provider: z.string().nullable().describe('null: of all providers'),
  period: period.describe('In UTC'),
  limitNanoUsd: count(),
  spentNanoUsd: count().describe('In the present period'),
  unknown: count().describe('Records of it whose cost nobody knows: they are not in `spentNanoUsd`'),
  exceeded: z.boolean(),
  createdAt: timestamp(),
  updatedAt: timestamp(),
  revision: revision(),
});
export type Budget = z.infer<typeof budget>;

export const put = operation({
  method: 'PUT',
  path: `${path}/{name}`,
  kind: 'write',
  access: 'write',
  summary:
    'Sets what may be spent: beyond it, health says budget_exceeded and a change of kind budget-exceeded is told, once a period. Nothing is refused',
  input: z.strictObject({
    ...address,
    provider: name().optional(),
    period,
    limitNanoUsd: count(),
    expectedRevision: expectedRevision(),
    ifAbsent: ifAbsent(),
  }),
  mainOnly: () => 'a budget is set by a person, not by who spends',
  output: budget,
  statuses: [201, 200],
});

export const list = operation({
  method: 'GET',
  path,
  kind: 'read',
  access: 'read',
  summary: 'All budgets with what is spent of them, by name',
  input: z.strictObject({ app: app(), ...listInput }),
  output: page(budget),
});

const remove = operation({
  method: 'DELETE',
  path: `${path}/{name}`,
  kind: 'write',
  access: 'write',
  summary: 'Removes a budget',
  input: z.strictObject({ ...address, expectedRevision: expectedRevision() }),
  output: tombstone,
});
export { remove as delete };
