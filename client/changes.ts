import { setTimeout as sleep } from 'node:timers/promises';
import type * as z from 'zod';
import { contract } from '../shared/contract.ts';
import { fromProblem, HoldfastError, type Problem } from '../shared/errors.ts';
import type { OutputOf } from '../shared/operation.ts';
import { openStream, type Calling, type CallOptions } from './call.ts';
import { backoffMs } from './retry.ts';
import { textOf } from './stream.ts';

const operation = contract.changes.stream;
export type Change = OutputOf<typeof operation>;
/** `app`: those of this client when absent; undefined for all. */
export type ChangesOptions = z.input<(typeof operation)['input']>;
/** Ended by `break`, or by its signal, which it throws. */
export type Changes = (options?: ChangesOptions, call?: CallOptions) => AsyncGenerator<Change, void>;

/**
 * `client.changes`: every change once and in order, over restarts of the daemon, from `after` or from when it is first
 * asked for. Throws `reset` or `compacted` when what followed is no longer known, and `damaged` when some of it cannot be
 * read: read the records anew then. Whoever then asks for what is after `details.floor` of the error goes on from there.
 */
export function changesOf(calling: Calling): Changes {
  return async function* changes(options = {}, call = {}) {
    const { signal } = call;
    let { after } = options;
    for (let attempt = 1; ; attempt++) {
      const input = { ...options, after };
      const chunks = await openStream({ ...calling, operation, input, call });
      try {
        for await (const { id, event, data } of eventsOf(chunks)) {
          after = id ?? after;
          attempt = 1;
          if (event === 'problem') throw fromProblem(JSON.parse(data) as Problem);
          if (event === 'change') yield JSON.parse(data) as Change;
        }
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof HoldfastError) || !error.retryable) throw error;
      }
      await sleep(backoffMs(attempt), undefined, { signal }).catch(() => signal?.throwIfAborted());
    }
  };
}

interface Event {
  id: string | undefined;
  event: string;
  data: string;
}

/** Server-sent events as the daemon writes them (WHATWG HTML, section 9.2): a line of data each. */
async function* eventsOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Event, void> {
  let partial = '';
  for await (const text of textOf(chunks)) {
    const blocks = (partial + text).split('\n\n');
    partial = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = new Map(
        block.split('\n').map((line): [string, string] => {
          const colon = line.indexOf(': ');
          return [line.slice(0, colon), line.slice(colon + 2)];
        }),
      );
      yield { id: fields.get('id'), event: fields.get('event') ?? '', data: fields.get('data') ?? '' };
    }
  }
}
