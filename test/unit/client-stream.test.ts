import { describe, expect, it, vi } from 'vitest';
import { linesOf, textOf } from '../../client/stream.ts';
import { HoldfastError, toProblem } from '../../shared/errors.ts';
import { refusal } from '../helpers/refusal.ts';

const end = { end: { head: 3, generation: 0, damagedCount: 0 } };
const whole = [{ id: 'a', seq: 1, content: 'Größe 助手 👩🏽' }, { delivery: { seq: 1, delivery: 'sent' } }, end];
const text = (lines: object[]) => lines.map((line) => `${JSON.stringify(line)}\n`).join('');

/** What a connection gives: pieces of so many bytes, then its end or its failure. */
async function* pieces(bytes: Buffer, size: number, failure?: Error): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  if (failure) throw failure;
}
const read = (answer: string, size = 7, failure?: Error) =>
  Array.fromAsync(linesOf(pieces(Buffer.from(answer), size, failure)));
const cut = { code: 'unavailable', retryable: true };

describe('lines of an answer', () => {
  it.each([1, 2, 3, 5, 8, 13, 1000])('come whole from pieces of %d bytes', async (size) => {
    expect(await read(text(whole), size)).toEqual(whole);
  });

  it('are looked through once, however long one is', async () => {
    const long = [{ id: 'a', seq: 1, content: 'x'.repeat(200_000) }, end];
    const split = vi.spyOn(String.prototype, 'split');
    const looked = () => split.mock.contexts.reduce<number>((sum, piece) => sum + String(piece).length, 0);
    try {
      expect(await read(text(long), 1000)).toEqual(long);
      // Red control: the count sees what is looked through.
      expect(looked()).toBeGreaterThanOrEqual(200_000);
      expect(looked()).toBeLessThan(2 * 200_000);
    } finally {
      split.mockRestore();
    }
  });

  it('end with the end, whatever the connection does then', async () => {
    expect(await read(text([end]))).toEqual([end]);
    expect(await read(`${text(whole)}{"seq":9}\n{"half`)).toEqual(whole);
    expect(await read(text(whole), 1000, new Error('reset'))).toEqual(whole);
  });

  it('may be messages with fields that are called as other lines are', async () => {
    const messages = [
      { id: 'a', seq: 1, end: { head: 1 } },
      { id: 'b', seq: 2, problem: { code: 'busy' } },
      { seq: 3, damaged: { reason: 'its row is missing' } },
    ];
    expect(await read(text([...messages, end]))).toEqual([...messages, end]);
  });

  it('may be of a kind that this client does not know', async () => {
    const lines = [{ later: { version: 2 } }, { later: null }, end];
    expect(await read(text(lines))).toEqual(lines);
  });

  it('end with the error that a problem tells', async () => {
    const problem = toProblem(new HoldfastError('shutting_down', 'The daemon is stopping.'), 'request-1');
    const error = await refusal(read(text([{ seq: 1 }, { problem }])));
    expect(error).toMatchObject({ code: 'shutting_down', status: 503, retryable: true, requestId: 'request-1' });
    const unknown = { ...problem, code: 'of_later', status: 503 };
    expect(await refusal(read(text([{ problem: unknown }])))).toMatchObject({ code: 'busy', status: 503 });
  });

  it.each([
    ['nothing', ''],
    ['a message', text([{ seq: 1 }])],
    ['half a line', `${text([{ seq: 1 }])}{"seq":2,"con`],
    ['an end without its newline', `${text([{ seq: 1 }])}${JSON.stringify(end)}`],
    ['half a character', `${text([{ seq: 1 }])}{"content":"👩`],
  ])('that stop after %s are cut, never taken for the whole', async (_, answer) => {
    expect(await refusal(read(answer))).toMatchObject(cut);
    const reset = Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
    expect(await refusal(read(answer, 7, reset))).toMatchObject({ ...cut, cause: reset });
  });

  it('come as far as they came before the cut is told', async () => {
    const lines = linesOf(pieces(Buffer.from(text([{ seq: 1 }, { seq: 2 }])), 7));
    expect([await lines.next(), await lines.next()]).toMatchObject([{ value: { seq: 1 } }, { value: { seq: 2 } }]);
    expect(await refusal(lines.next())).toMatchObject(cut);
  });

  it('that are no JSON are an error of ours, not a SyntaxError', async () => {
    const error = await refusal(read('{"seq":1}\nnot json\n'));
    expect(error.code).toMatch(/^(unavailable|internal)$/);
  });

  it('that nobody wants any more let go of the connection', async () => {
    let released = false;
    async function* source() {
      try {
        for (;;) yield Buffer.from('{"seq":1}\n');
      } finally {
        released = true;
      }
    }
    for await (const _ of linesOf(source())) break;
    expect(released).toBe(true);
  });
});

describe('text of an answer', () => {
  it('comes as characters, wherever the pieces end', async () => {
    const said = 'Größe 助手 👩🏽 \ufeff';
    for (const size of [1, 2, 3, 4, 5]) {
      const parts = await Array.fromAsync(textOf(pieces(Buffer.from(said), size)));
      expect(parts.join('')).toBe(said);
      expect(parts.every((part) => part.isWellFormed())).toBe(true);
    }
  });

  it('that is cut is an error', async () => {
    const reset = Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
    expect(await refusal(Array.fromAsync(textOf(pieces(Buffer.from('half'), 2, reset))))).toMatchObject(cut);
  });
});
