import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { HoldfastError, toProblem } from '../../shared/errors.ts';
import { noteError } from './log.ts';
import { fromFastify } from './problem.ts';

/** Answers with a stream, a step at a time as the reader takes them. What fails before the first step is a problem document. */
export async function sendStream(
  request: FastifyRequest,
  reply: FastifyReply,
  type: string,
  steps: AsyncGenerator<string, void>,
  stopping: AbortSignal,
): Promise<FastifyReply> {
  const first = await steps.next();
  if (request.method === 'HEAD') {
    await steps.return();
    return reply.code(200).type(type).send();
  }
  const lines = type === 'application/x-ndjson';
  const body = Readable.from(rest(request, first, steps, stopping, lines), { objectMode: false, highWaterMark: 1 });
  return reply.code(200).type(type).send(body);
}

/**
 * The steps, with an end that tells: lines end with a `problem`; anything else is cut, which HTTP shows, for half a
 * document must not look whole.
 */
async function* rest(
  request: FastifyRequest,
  first: IteratorResult<string, void>,
  steps: AsyncGenerator<string, void>,
  stopping: AbortSignal,
  lines: boolean,
): AsyncGenerator<string> {
  try {
    for (let step = first; !step.done;) {
      yield step.value;
      step = await steps.next();
      if (step.done || !stopping.aborted) continue;
      throw new HoldfastError('shutting_down', 'The daemon is stopping: read on after the last seq.');
    }
  } catch (error) {
    const known = fromFastify(error, 0);
    noteError(request, known);
    if (!lines) throw error;
    yield `${JSON.stringify({ problem: toProblem(known, request.id) })}\n`;
  } finally {
    await steps.return();
  }
}
