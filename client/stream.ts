import { fromProblem, HoldfastError, type Problem } from '../shared/errors.ts';

const cut = (cause?: unknown) =>
  new HoldfastError('unavailable', 'The answer was cut before its end: ask again for what is missing.', {}, { cause });

/** The text of an answer as it arrives; throws `unavailable` when it was cut. */
export async function* textOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  try {
    for await (const chunk of chunks) yield decoder.decode(chunk, { stream: true });
  } catch (error) {
    throw cut(error);
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new HoldfastError('internal', 'The daemon answered a line that is not JSON.', {}, { cause });
  }
}

/** The lines of an NDJSON answer, parsed. Its last one is `end`; a `problem` is thrown, and so is the lack of both. */
export async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<unknown, void> {
  let partial = '';
  for await (const text of textOf(chunks)) {
    // What is not a whole line yet is not looked through again: that would cost the square of a long one.
    const lines = text.split('\n');
    lines[0] = partial + (lines[0] ?? '');
    partial = lines.pop() ?? '';
    for (const line of lines) {
      const value = parse(line) as { end?: unknown; problem?: Problem; seq?: unknown };
      // A message may have fields of these names, and has a seq.
      if (value.seq === undefined && value.problem) throw fromProblem(value.problem);
      yield value;
      if (value.seq === undefined && value.end !== undefined) return;
    }
  }
  throw cut();
}
