import { openapi } from '../../daemon/http/openapi.ts';

interface Entry {
  operationId: string;
  responses: Record<string, { $ref?: string }>;
}

const entries = Object.values(openapi().paths).flatMap((path) => Object.values(path) as Entry[]);

/** What an operation can be refused with as the OpenAPI document has it: `409 key_missing`. */
export function documented(operationId: string): string[] {
  const { responses = {} } = entries.find((entry) => entry.operationId === operationId) ?? {};
  // A shared answer is called by its codes.
  return Object.entries(responses).flatMap(([status, { $ref = '' }]) =>
    $ref === '' ? [] : ($ref.split('/').at(-1) ?? '').split('.').map((code) => `${status} ${code}`),
  );
}
