import { HoldfastError, invalidField } from '../shared/errors.ts';
import { clientHeader, keyHeader, unquote } from '../shared/headers.ts';
import { fieldsTravelIn, pathFields, type Operation } from '../shared/operation.ts';
import { maxBody, version } from '../shared/protocol.ts';
import { uuidv7 } from '../shared/uuid.ts';

/** Path, query or body, and headers of a call: the descriptor says where each field travels. */
export function toRequest(
  operation: Operation,
  input: Record<string, unknown>,
  client: string | undefined,
  givenKey?: string,
) {
  checkNode();
  const key = checkedKey(givenKey);
  const inPath = new Set(pathFields(operation.path));
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, field: string) => inPathText(field, input[field]));
  if (client !== undefined && !/^[\x20-\x7e]{1,200}$/.test(client)) {
    throw invalidField('client', 'must have 1 to 200 printable ASCII characters');
  }
  const { app: _, ...withoutApp } = input;
  const fields = 'app' in operation.input.shape ? input : withoutApp;
  const others = Object.entries(fields).filter(([name, value]) => !inPath.has(name) && value !== undefined);
  const headers: Record<string, string> = {
    [clientHeader]: `${client ?? `holdfast-client/${version}`}; pid=${process.pid}`,
    // Quoted where a header would lose some of it: a batch has the key as it is.
    ...(operation.kind === 'write' && { [keyHeader]: unquote(key) === key ? key : `"${key}"` }),
    ...(operation.produces && { accept: Object.values(operation.produces).join(', ') }),
  };
  if (fieldsTravelIn(operation) === 'query') {
    const query = new URLSearchParams(
      others.flatMap(([name, value]) => [value].flat().map((one) => [name, wellFormed(name, String(one))])),
    );
    return {
      method: operation.method,
      path: query.size > 0 ? `${path}?${query.toString()}` : path,
      headers,
      body: undefined,
    };
  }
  const body = toJson(Object.fromEntries(others));
  const length = Buffer.byteLength(body);
  // Told here for certain: the daemon's answer can be lost while the body is still on its way.
  if (length > maxBody) throw new HoldfastError('too_large', `The call is larger than ${maxBody / 1024 / 1024} MiB.`);
  headers['content-type'] = 'application/json';
  return { method: operation.method, path, headers, body };
}

/** What is sent, as text. NaN and Infinity would become null without a word, which says something else: a cost that nobody knows. */
export function toJson(sent: object): string {
  try {
    const text = JSON.stringify(sent);
    if (text.includes('null')) JSON.stringify(sent, refuseNoNumber);
    return text;
  } catch (error) {
    if (error instanceof HoldfastError) throw error;
    throw new HoldfastError(
      'invalid_input',
      `The input is not JSON: ${(error as Error).message}.`,
      {},
      { cause: error },
    );
  }
}

function refuseNoNumber(field: string, value: unknown): unknown {
  if (typeof value !== 'number' || Number.isFinite(value)) return value;
  throw invalidField(field, `must not be ${value}, which JSON has no number for`);
}

/** An older Node lacks what this calls, and would say so as if the daemon did not answer. */
function checkNode(): void {
  if ('withResolvers' in Promise) return;
  const own = `this is ${process.versions.node} (${process.execPath})`;
  throw new HoldfastError(
    'node_too_old',
    `holdfast needs Node 22 or newer, and ${own}: 'nvm install --lts' brings one.`,
  );
}

/** The idempotency key of a write: the caller's, if a header can carry it, or a new one. */
export function checkedKey(key = uuidv7()): string {
  if (/^[\x20-\x7e]{1,200}$/.test(key)) return key;
  throw invalidField('key', 'must have 1 to 200 printable ASCII characters');
}

/** A field as part of the path; what no path can hold is refused here. */
function inPathText(field: string, value: unknown): string {
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'string') throw invalidField(field, 'is required');
  return encodeURIComponent(wellFormed(field, value));
}

/** A URL would carry a lone surrogate as U+FFFD, which is another text. */
function wellFormed(field: string, text: string): string {
  if (text.isWellFormed()) return text;
  throw invalidField(field, 'must be well-formed Unicode (it holds a lone surrogate)');
}
