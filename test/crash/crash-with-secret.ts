import { isMainThread } from 'node:worker_threads';

// Loaded into a daemon by a test: reading the input of a request that holds `told to fail` fails as a bug would, with an
// error that quotes it. CRASH_PLACE says where, CRASH_FORM how the error holds it.

const sign = 'told to fail';
const place = process.env['CRASH_PLACE'] ?? '';
const form = process.env['CRASH_FORM'] ?? '';

/** The secrets of a body, in the form of an error that somebody might write. */
function failureOf(text: string): unknown {
  const input = JSON.parse(text) as { apiKey?: string; patch?: { auth: { token: string } } };
  const secret = input.apiKey ?? input.patch?.auth.token ?? '';
  switch (form) {
    case 'value':
      return new Error(`cannot use ${secret}`);
    case 'JSON':
      return new Error(`cannot use ${text}`);
    case 'percent':
      return new Error(`cannot use ${encodeURIComponent(secret)}`);
    case 'cause':
      return new Error('cannot use it', { cause: new Error(`cannot use ${secret}`) });
    case 'property':
      return Object.assign(new Error('cannot use it'), { input, bytes: Buffer.from(secret) });
    case 'text':
      return secret;
    default:
      throw new Error(`there is no form ${form}`);
  }
}

const parse = JSON.parse;
let failed = false;
JSON.parse = (text: string, reviver?: (this: unknown, key: string, value: unknown) => unknown) => {
  const input = parse(text, reviver) as unknown;
  const here = isMainThread ? place === 'main' || place === 'rejection' : place === 'writer' || place === 'operation';
  if (!here || failed || !text.includes(sign)) return input;
  failed = true;
  const failure = failureOf(text);
  if (place === 'operation') throw failure;
  // Once the request is under way, as most bugs are.
  if (place === 'rejection') setImmediate(() => void Promise.reject(failure as Error));
  else if (place === 'main') {
    setImmediate(() => {
      throw failure;
    });
  } else {
    queueMicrotask(() => {
      throw failure;
    });
  }
  return input;
};
