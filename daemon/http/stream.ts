import type { ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { HoldfastError } from '../../shared/errors.ts';
import { noteError } from './log.ts';
import { fromFastify, problemText } from './problem.ts';

/**
 * Answers with a stream. Invariant: the next step is asked for when the one before has left for the kernel, so a stream
 * holds one step in memory, and its bytes may be written over then. What fails before the first step is a problem document.
 */
export async function sendStream(
  request: FastifyRequest,
  reply: FastifyReply,
  type: string,
  steps: AsyncGenerator<Uint8Array, void>,
  stopping: AbortSignal,
): Promise<FastifyReply> {
  const first = await steps.next();
  if (request.method === 'HEAD') {
    await steps.return();
    return reply.code(200).type(type).send();
  }
  reply.hijack();
  reply.raw.writeHead(200, { ...reply.getHeaders(), 'content-type': type } as Record<string, string>);
  void pump(request, reply.raw, first, steps, stopping, type === 'application/x-ndjson');
  return reply;
}

/**
 * Writes the steps, with an end that tells: lines end with a `problem`; anything else is cut, which HTTP shows, for half
 * a document must not look whole. Never rejects.
 */
async function pump(
  request: FastifyRequest,
  response: ServerResponse,
  first: IteratorResult<Uint8Array, void>,
  steps: AsyncGenerator<Uint8Array, void>,
  stopping: AbortSignal,
  lines: boolean,
): Promise<void> {
  try {
    for (let step = first; !step.done;) {
      if (!(await written(response, step.value))) return;
      step = await steps.next();
      if (step.done || !stopping.aborted) continue;
      throw new HoldfastError('shutting_down', 'The daemon is stopping: read on after the last seq.');
    }
    response.end();
  } catch (error) {
    const known = fromFastify(error, 0);
    noteError(request, known);
    if (lines) response.end(`{"problem":${problemText(known, request.id)}}\n`);
    else response.destroy();
  } finally {
    await steps.return();
  }
}

/** Resolves when the bytes have left; with false when nobody is there to take them. */
function written(response: ServerResponse, bytes: Uint8Array): Promise<boolean> {
  if (response.destroyed) return Promise.resolve(false);
  return new Promise((resolve) => {
    const gone = () => resolve(false);
    response.once('close', gone);
    response.write(bytes, (error) => {
      response.off('close', gone);
      resolve(!error);
    });
  });
}
