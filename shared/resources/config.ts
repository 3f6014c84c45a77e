import * as z from 'zod';
import { app, count, expectedRevision, ifAbsent, jsonDocument, listInput, name, page, tombstone } from '../fields.ts';
import { operation } from '../operation.ts';
import { change, document, json, made, number, pointer, stored } from './config/fields.ts';

// Named documents of settings. Each change is a version, numbered from 1 over removals; a write that changes nothing is none.

const path = '/v1/apps/{app}/config';
const address = { app: app(), name: name() };
/** A sandboxed program must not decide what the application outside of it does. */
const mainOnly = () => 'settings decide what an application does, also outside of a sandbox';

export const put = operation({
  method: 'PUT',
  path: `${path}/{name}`,
  kind: 'write',
  access: 'write',
  summary: 'Creates or replaces a document of settings',
  input: z.strictObject({ ...address, value: json(), expectedRevision: expectedRevision(), ifAbsent: ifAbsent() }),
  mainOnly,
  output: document,
  statuses: [201, 200],
});

export const get = operation({
  method: 'GET',
  path: `${path}/{name}`,
  kind: 'read',
  access: 'read',
  summary: 'One document, or one value of it',
  input: z.strictObject({ ...address, path: pointer().optional() }),
  output: z.object({ ...stored, value: z.unknown() }),
});

export const list = operation({
  method: 'GET',
  path,
  kind: 'read',
  access: 'read',
  summary: 'All documents, in pages, without their values',
  input: z.strictObject({ app: app(), ...listInput, sort: z.enum(['id', 'createdAt']).default('id') }),
  output: page(document),
});

export const patch = operation({
  method: 'PATCH',
  path: `${path}/{name}`,
  kind: 'write',
  access: 'write',
  summary: 'Changes some values of a document: RFC 7396 merge patch, null removes; creates it if there is none',
  input: z.strictObject({ ...address, patch: jsonDocument(), expectedRevision: expectedRevision() }),
  mainOnly,
  output: document,
  statuses: [200, 201],
});

export const set = operation({
  method: 'POST',
  path: `${path}/{name}/set`,
  kind: 'write',
  access: 'write',
  summary: 'Sets one value of a document, or removes it; makes the objects on the way, and the document',
  input: z.strictObject({
    ...address,
    path: pointer(),
    value: json().optional().describe('What is there is removed when absent'),
    expectedRevision: expectedRevision(),
  }),
  mainOnly,
  output: document,
  statuses: [200, 201],
});

const remove = operation({
  method: 'DELETE',
  path: `${path}/{name}`,
  kind: 'write',
  access: 'write',
  summary: 'Removes a document; its versions stay, to be read and reverted to',
  input: z.strictObject({
    ...address,
    expectedRevision: expectedRevision(),
    erase: z.boolean().optional().describe('Its versions go with it, also those of a document that was removed before'),
  }),
  output: tombstone,
});
export { remove as delete };

export const versions = operation({
  method: 'GET',
  path: `${path}/{name}/versions`,
  kind: 'read',
  access: 'read',
  summary: 'Who changed a document and when, newest first, in pages; also of one that was removed',
  input: z.strictObject({ ...address, ...listInput }),
  output: page(change),
});

export const version = operation({
  method: 'GET',
  path: `${path}/{name}/versions/{version}`,
  kind: 'read',
  access: 'read',
  summary: 'A document as a change left it',
  input: z.strictObject({ ...address, version: number() }),
  output: z.object({ name: z.string(), ...made, value: z.unknown() }),
});

export const diff = operation({
  method: 'GET',
  path: `${path}/{name}/diff`,
  kind: 'read',
  access: 'read',
  summary: 'The values that differ between two versions',
  input: z.strictObject({ ...address, from: number(), to: number().optional().describe('The newest one when absent') }),
  output: z.object({
    name: z.string(),
    from: count(),
    to: count(),
    changes: z.array(
      z.object({ path: z.string(), before: z.unknown().optional(), after: z.unknown().optional() }).meta({
        description: 'Without `before` it was not there, without `after` it is not any more; an array is one value',
      }),
    ),
  }),
});

export const revert = operation({
  method: 'POST',
  path: `${path}/{name}/versions/{version}/revert`,
  kind: 'write',
  access: 'write',
  summary: 'Makes a new version with the value of an earlier one; brings a removed document back',
  input: z.strictObject({ ...address, version: number(), expectedRevision: expectedRevision() }),
  mainOnly,
  output: document,
  statuses: [200, 201],
});
