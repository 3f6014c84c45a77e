import { afterEach, describe, expect, it, vi } from 'vitest';
import { backoffMs, codeOf, mayRetry } from '../../client/retry.ts';
import { errorTable, HoldfastError, type ErrorCode } from '../../shared/errors.ts';

const failure = (code: string) => Object.assign(new Error(code), { code });
afterEach(() => vi.restoreAllMocks());

describe('after a failure below HTTP', () => {
  it.each([
    ['ENOENT', true, true],
    ['ECONNREFUSED', true, true],
    ['EAGAIN', true, true],
    ['ECONNRESET', true, false],
    ['EPIPE', true, false],
    ['HPE_INVALID_EOF_STATE', true, false],
    ['HPE_INVALID_CONSTANT', true, false],
    ['EACCES', false, false],
    ['ENOTSOCK', false, false],
    ['ABORT_ERR', false, false],
    ['', false, false],
    ['__proto__', false, false],
    ['constructor', false, false],
  ])('ohdearquant/khive#644: %s: a call with a key again %s, one without %s', (code, withKey, without) => {
    expect([mayRetry(failure(code), true), mayRetry(failure(code), false)]).toEqual([withKey, without]);
  });

  it.each([[new Error('no code')], ['text'], [undefined], [null], [{ code: 'ENOENT' }]])('%o: never', (error) => {
    expect(mayRetry(error, true)).toBe(false);
    expect(codeOf(error)).toBe('');
  });
});

describe('after an answer', () => {
  it.each(Object.entries(errorTable))('%s: as the table of errors says', (code, { retryable }) => {
    const error = new HoldfastError(code as ErrorCode, 'x');
    // A full disk is for the person to see at once, and so is what became of a refresh.
    const atOnce = ['storage_full', 'refresh_failed', 'refreshing'];
    expect(mayRetry(error, true)).toBe(retryable && !atOnce.includes(code));
    expect(mayRetry(error, false)).toBe(false);
  });
});

describe('the wait before the next attempt', () => {
  it.each([
    [1, 10, 30],
    [2, 20, 60],
    [3, 40, 120],
    [4, 80, 240],
    [5, 125, 375],
    [20, 125, 375],
    [100_000, 125, 375],
  ])('%i is %i to %i ms', (attempt, least, most) => {
    const random = vi.spyOn(Math, 'random').mockReturnValue(0);
    expect(backoffMs(attempt)).toBeCloseTo(least, 5);
    random.mockReturnValue(1 - Number.EPSILON);
    expect(backoffMs(attempt)).toBeCloseTo(most, 5);
  });
});
