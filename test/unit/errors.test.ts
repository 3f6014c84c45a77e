import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { invalidInput, fromFastify } from '../../daemon/http/problem.ts';
import {
  errorTable,
  fromProblem,
  HoldfastError,
  toProblem,
  type ErrorCode,
  type Problem,
} from '../../shared/errors.ts';
import { problemSchema } from '../../shared/problem.ts';

const codes = Object.keys(errorTable) as ErrorCode[];
const overTheWire = (problem: Problem) => problemSchema.parse(JSON.parse(JSON.stringify(problem)));

describe('problem documents', () => {
  it.each(codes)('%s crosses the wire and comes back as the same error', (code) => {
    const error = new HoldfastError(code, 'What happened.');
    const problem = overTheWire(toProblem(error, 'r-1'));
    expect(problem).toEqual({
      type: `urn:holdfast:problem:${code}`,
      ...errorTable[code],
      detail: 'What happened.',
      code,
      requestId: 'r-1',
    });
    const back = fromProblem(problem);
    expect(back).toBeInstanceOf(HoldfastError);
    const { message, status, retryable, requestId } = back;
    expect({ code: back.code, message, status, retryable, requestId }).toEqual({
      code,
      message: 'What happened.',
      status: errorTable[code].status,
      retryable: errorTable[code].retryable,
      requestId: 'r-1',
    });
  });

  it.each([
    [{ errors: [{ path: 'a.0.b', message: 'is required' }] }],
    [{ current: 'abc.12' }],
    // The head of a session with no message.
    [{ current: 0 }],
    [{}],
  ])('carry the details %j', (details) => {
    expect(fromProblem(overTheWire(toProblem(new HoldfastError('stale', 'x', details), 'r'))).details).toEqual(details);
  });

  it('hold nothing of the cause', () => {
    const cause = new Error('/home/someone/secret');
    expect(JSON.stringify(toProblem(new HoldfastError('internal', 'x', {}, { cause }), 'r'))).not.toContain('secret');
  });

  // A newer daemon has codes that this client does not know: status and retryable still tell it what to do.
  it.each([
    [404, false],
    [409, false],
    [410, false],
    [422, false],
    [500, false],
    [503, true],
    [507, true],
  ])('of an unknown code keep the status %i and retryable %s', (status, retryable) => {
    const problem = { type: 't', title: 'T', status, detail: 'New.', code: 'made_up_later', retryable, requestId: 'r' };
    const { message, status: kept, retryable: repeatable } = fromProblem(problem);
    expect([message, kept, repeatable]).toEqual(['New.', status, retryable]);
  });

  it.each(['__proto__', 'constructor', 'toString', ''])('of the code %j do not confuse the table', (code) => {
    const problem = { type: 't', title: 'T', status: 400, detail: 'x', code, retryable: false, requestId: 'r' };
    expect(fromProblem(problem).retryable).toBe(false);
  });
});

const hostile = [
  'Ünïcödé',
  '😀👨‍👩‍👧‍👦',
  'a\u0000b',
  '\u202egnp.exe',
  'line\nbreak\u2028',
  '\ud800 alone',
  '"quoted\\"',
  '\u001b[31m',
];

describe('text in problems', () => {
  it.each(hostile)('%j comes back code unit for code unit, as UTF-8', (text) => {
    const details = { errors: [{ path: text, message: text }], current: text };
    const sent = JSON.stringify(toProblem(new HoldfastError('stale', text, details), 'r'));
    expect(Buffer.from(sent).toString()).toBe(sent);
    const back = fromProblem(problemSchema.parse(JSON.parse(sent)));
    expect([back.message, back.details]).toEqual([text, details]);
  });

  it.each(hostile)('a wrong field named %j is told by its name', (text) => {
    const { error } = z.strictObject({}).safeParse({ [text]: 1 });
    expect(error && invalidInput(error).details.errors).toEqual([
      { path: text, message: 'is not a field of this operation' },
    ]);
  });
});

describe('invalidInput', () => {
  const schema = z.strictObject({
    name: z.string(),
    sort: z.enum(['id', 'createdAt']).optional(),
    limit: z.int().min(1).max(10).optional(),
    inner: z.strictObject({ list: z.array(z.number()) }).optional(),
  });
  it.each([
    [{}, [{ path: 'name', message: 'is required' }]],
    [{ name: 1 }, [{ path: 'name', message: 'must be a string' }]],
    [{ name: 'x', sort: 'no' }, [{ path: 'sort', message: 'must be one of id, createdAt' }]],
    [{ name: 'x', limit: 0 }, [{ path: 'limit', message: 'must be at least 1' }]],
    [{ name: 'x', limit: 11 }, [{ path: 'limit', message: 'must be at most 10' }]],
    [{ name: 'x', limit: '1' }, [{ path: 'limit', message: expect.stringMatching(/^must be an? (int|number)/) }]],
    [{ name: 'x', inner: { list: [0, 'a'] } }, [{ path: 'inner.list.1', message: 'must be a number' }]],
    [
      { name: 'x', inner: { list: [], more: 1 } },
      [{ path: 'inner.more', message: 'is not a field of this operation' }],
    ],
  ])('says of %j what is wrong where', (input, errors) => {
    const { error } = schema.safeParse(input);
    expect(error && invalidInput(error).details.errors).toEqual(errors);
  });

  it('says the first in its text, and how many more there are', () => {
    const { error } = schema.safeParse({ limit: 0 });
    expect(error && invalidInput(error).message).toBe('name is required (and 1 more).');
  });
});

describe('fromFastify', () => {
  it.each([
    [{ code: 'FST_ERR_CTP_BODY_TOO_LARGE' }, 'too_large'],
    [{ code: 'FST_ERR_CTP_INVALID_MEDIA_TYPE' }, 'unsupported_media_type'],
    [{ code: 'FST_ERR_BAD_URL' }, 'invalid_input'],
    [new Error('with a path: /home/someone'), 'internal'],
    ['text', 'internal'],
    [null, 'internal'],
    [undefined, 'internal'],
  ])('makes of %o the code %s without its text', (thrown, code) => {
    const error = fromFastify(thrown, 1024 * 1024);
    expect(error.code).toBe(code);
    expect(error.message).not.toContain('/home');
  });

  it('leaves one of ours alone', () => {
    const ours = new HoldfastError('stale', 'x');
    expect(fromFastify(ours, 1)).toBe(ours);
  });
});
