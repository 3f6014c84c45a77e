import type { ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { HoldfastError } from '../../shared/errors.ts';
import { noteError } from './log.ts';
import { fromFastify, problemText } from './problem.ts';

/** How a stream that fails in the middle says why, where its media type has a way. */
const endings: Record<string, (problem: string) => string> = {
  'application/x-ndjson': (problem) => `{"problem":${problem}}\n`,
  'text/event-stream': (problem) => `event: problem\ndata: ${problem}\n\n`,
};
/** Streams without an end, and how many milliseconds a step of theirs may wait for its reader. */
const patience: Record<string, number> = { 'text/event-stream': 10_000 };

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
  void pump(request, reply.raw, first, steps, stopping, type);
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
  type: string,
): Promise<void> {
  try {
    for (let step = first; !step.done;) {
      if (!(await written(response, step.value, patience[type]))) return;
      step = await steps.next();
      if (step.done || !stopping.aborted) continue;
      throw new HoldfastError('shutting_down', 'The daemon is stopping: read on after the last seq.');
    }
    response.end();
  } catch (error) {
    if (response.destroyed) return;
    const known = fromFastify(error, 0);
    noteError(request, known);
    const ending = endings[type];
    if (ending) response.end(ending(problemText(known, request.id)));
    else response.destroy();
    // Whoever reads nothing does not read this either.
    if (known.code === 'slow_reader') setTimeout(() => response.destroy(), patience[type]).unref();
  } finally {
    await steps.return();
  }
}

/** Resolves when the bytes have left; with false when nobody is there to take them. Rejects when they wait for too long. */
function written(response: ServerResponse, bytes: Uint8Array, patienceMs?: number): Promise<boolean> {
  if (response.destroyed) return Promise.resolve(false);
  return new Promise((resolve, reject) => {
    const gone = () => {
      clearTimeout(timer);
      resolve(false);
    };
    const late = () =>
      reject(new HoldfastError('slow_reader', 'The stream was not read for too long: go on from where you are.'));
    const timer = patienceMs === undefined ? undefined : setTimeout(late, patienceMs);
    response.once('close', gone);
    response.write(bytes, (error) => {
      clearTimeout(timer);
      response.off('close', gone);
      resolve(!error);
    });
  });
}
