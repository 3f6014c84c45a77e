import * as z from 'zod';
import { contract } from '../../shared/contract.ts';
import { fieldHeaders, keyHeader } from '../../shared/headers.ts';
import { fieldsTravelIn, pathFields, type Operation } from '../../shared/operation.ts';
import { problemSchema } from '../../shared/problem.ts';
import { version } from '../../shared/protocol.ts';
import { secretMapper } from '../../shared/secret.ts';
import { answerHeaders, answersOf, factsOf } from './openapi-answers.ts';

type Schema = Record<string, unknown>;

/** The contract as OpenAPI 3.1, derived from the descriptors. */
export function openapi() {
  const paths: Record<string, Schema> = {};
  const refusals: Schema = {};
  for (const [group, operations] of Object.entries(contract) as [string, Record<string, Operation>][]) {
    for (const [verb, operation] of Object.entries(operations)) {
      const path = (paths[operation.path] ??= {});
      const method = operation.method.toLowerCase();
      const described = describe(group, `${group}.${verb}`, operation, refusals);
      path[method] = path[method] ? together(path[method] as Schema, described) : described;
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'holdfast',
      version,
      description:
        'State of local command-line applications, over a Unix socket: curl --unix-socket PATH http://localhost/v1/health',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: 'http://localhost', description: 'The Unix socket that `holdfast socket` prints' }],
    tags: Object.entries(contract).map(([name, verbs]) => ({ name, description: Object.keys(verbs).join(', ') })),
    security: [],
    paths,
    components: {
      schemas: { Problem: toSchema(problemSchema, 'output') },
      responses: refusals,
      headers: answerHeaders,
    },
  };
}

/** One entry for two operations that share method and path: the Accept header chooses between their answers. */
function together(plain: Schema, stream: Schema): Schema {
  const responsesOf = (entry: Schema) => entry['responses'] as Record<string, { content: Schema; description: string }>;
  const [ofPlain, ofStream] = [responsesOf(plain), responsesOf(stream)];
  const merged = Object.entries(ofPlain).map(([status, response]) => {
    const { content, description } = ofStream[status] ?? {};
    return [status, content ? { ...response, description, content: { ...response.content, ...content } } : response];
  });
  return { ...plain, description: stream['summary'], responses: Object.fromEntries(merged) as Schema };
}

function toSchema(schema: z.ZodType, io: 'input' | 'output'): Schema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any', target: 'draft-2020-12' });
  return rest;
}

function describe(group: string, operationId: string, operation: Operation, refusals: Schema): Schema {
  const input = toSchema(operation.input, 'input');
  const properties = Object.entries((input['properties'] ?? {}) as Record<string, Schema>);
  const required = new Set((input['required'] ?? []) as string[]);
  const inPath = new Set(pathFields(operation.path));
  const others = properties.filter(([name]) => !inPath.has(name));
  const body = fieldsTravelIn(operation) === 'body';
  const parameters = [
    ...properties
      .filter(([name]) => inPath.has(name))
      .map(([name, schema]) => ({ name, in: 'path', required: true, schema })),
    ...(body ? [] : others.map(([name, schema]) => ({ name, in: 'query', required: required.has(name), schema }))),
    ...headerParameters(operation, new Set(properties.map(([name]) => name))),
  ];
  return {
    operationId,
    summary: operation.summary,
    tags: [group],
    'x-holdfast-access': operation.access,
    ...(parameters.length > 0 && { parameters }),
    ...(body && others.length > 0 && { requestBody: requestBody(others, required) }),
    responses: responses(operationId, operation, refusals),
  };
}

function headerParameters(operation: Operation, fields: Set<string>): Schema[] {
  const headers = Object.entries(fieldHeaders).filter(([, { field }]) => fields.has(field));
  const names = headers.map(([name, { field }]) => ({ name, description: `Stands for ${field}` }));
  if (operation.kind === 'write') names.push({ name: keyHeader, description: 'Makes the call safe to send again' });
  return names.map((header) => ({ ...header, in: 'header', required: false, schema: { type: 'string' } }));
}

function requestBody(fields: [string, Schema][], required: Set<string>): Schema {
  const names = fields.map(([name]) => name).filter((name) => required.has(name));
  const schema = {
    type: 'object',
    properties: Object.fromEntries(fields),
    ...(names.length > 0 && { required: names }),
    additionalProperties: false,
  };
  return { required: names.length > 0, content: { 'application/json': { schema } } };
}

function responses(operationId: string, operation: Operation, refusals: Schema): Schema {
  const schema = toSchema(operation.output, 'output');
  const types = operation.produces ? Object.values(operation.produces) : ['application/json'];
  const content = Object.fromEntries(types.map((type) => [type, { schema }]));
  const secret = operation.secret ?? secretMapper(operation.input, 'input') !== undefined;
  return answersOf(factsOf(operationId, operation, secret), content, schema, refusals);
}
