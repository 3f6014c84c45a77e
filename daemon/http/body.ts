import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { HoldfastError } from '../../shared/errors.ts';

/** JSON bodies only, and `__proto__` in them is data: Fastify's own reader would refuse or remove it. */
export function acceptJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (_request: FastifyRequest, body: Buffer) =>
    parse(body),
  );
}

function parse(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  // Otherwise each invalid byte would be stored as U+FFFD without a word.
  if (!isUtf8(body)) throw new HoldfastError('malformed_json', 'The body is not valid UTF-8.');
  try {
    return JSON.parse(body.toString());
  } catch (error) {
    // V8 quotes the text around the fault, which may hold anything.
    const why = String(error).replace(/".*"/s, '…');
    throw new HoldfastError('malformed_json', `The body is not JSON: ${why}`);
  }
}
