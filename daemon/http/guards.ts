import type { FastifyRequest } from 'fastify';
import { HoldfastError } from '../../shared/errors.ts';

const hosts = new Set(['localhost', 'holdfast']);
const bodyless = new Set(['GET', 'HEAD', 'DELETE']);

/**
 * Refuses what no client of ours sends: a web page's request, forwarded by something to the socket, carries Origin
 * or Referer, and a rebound name shows in Host. An image of a page that hides where it is has Sec-Fetch-Site alone.
 * Bodies where input travels in the query would be ignored in silence.
 */
export function guard(request: FastifyRequest): void {
  const { headers } = request;
  if (headers.origin !== undefined || headers.referer !== undefined) {
    throw new HoldfastError('forbidden_origin', 'A request with an Origin or Referer header is refused.');
  }
  if (headers['sec-fetch-site'] !== undefined) {
    throw new HoldfastError('forbidden_origin', 'A request of a browser (Sec-Fetch-Site) is refused.');
  }
  if (!hosts.has(headers.host ?? '')) {
    throw new HoldfastError(
      'forbidden_origin',
      "The Host header must be 'localhost': use http://localhost/ with the socket.",
    );
  }
  if ((headers['content-encoding'] ?? 'identity') !== 'identity') {
    throw new HoldfastError('unsupported_media_type', 'Send the body without Content-Encoding.');
  }
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  if (hasBody && bodyless.has(request.method)) {
    throw new HoldfastError('invalid_input', `A ${request.method} takes its input from the query, not from a body.`);
  }
}
