import { describe, expect, it } from 'vitest';
import { decodeCursor, encodeCursor } from '../../daemon/store/page.ts';
import type { Context, Value } from '../../daemon/store/tx.ts';
import { HoldfastError } from '../../shared/errors.ts';

const context: Context = { app: 'test', op: 'feeds.list', at: 0, epoch: 'abcd1234', status: 0 };
const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

function refusal(cursor: string, width = 2): HoldfastError | undefined {
  try {
    decodeCursor(context, cursor, width);
    return undefined;
  } catch (error) {
    return error instanceof HoldfastError ? error : undefined;
  }
}

describe('a cursor', () => {
  it.each<[Value[]]>([
    [['name', 'name']],
    [[1_769_860_800_000, 42]],
    [[null, '']],
    [[-1, Number.MAX_SAFE_INTEGER]],
    [['Füße 😀 "quoted" \\ \u0000', '\ud800 alone']],
    [['x'.repeat(1000), 0.5]],
  ])('brings %j back', (place) => {
    const cursor = encodeCursor(context, place);
    expect(cursor).toMatch(/^[\w-]+$/);
    expect(decodeCursor(context, cursor, place.length)).toEqual(place);
  });

  it('of another epoch answers reset, 410', () => {
    const cursor = encodeCursor({ ...context, epoch: 'ffff0000' }, ['a', 'b']);
    expect(refusal(cursor)).toMatchObject({ code: 'reset', status: 410 });
  });

  it.each([
    ['nothing', ''],
    ['no base64', '***'],
    ['no JSON', Buffer.from('{[').toString('base64url')],
    ['no list', encoded({ epoch: context.epoch })],
    ['null', encoded(null)],
    ['too few values', encoded([context.epoch, 'a'])],
    ['too many values', encoded([context.epoch, 'a', 'b', 'c'])],
    ['an object in it', encoded([context.epoch, {}, 'b'])],
    ['a list in it', encoded([context.epoch, ['a'], 'b'])],
    ['a boolean in it', encoded([context.epoch, true, 'b'])],
    ['its end cut off', encodeCursor(context, ['a', 'b']).slice(0, -6)],
  ])('that is %s is refused by name', (_name, cursor) => {
    expect(refusal(cursor)).toMatchObject({ code: 'invalid_input', details: { errors: [{ path: 'cursor' }] } });
  });

  it('of a list with another number of values is refused', () => {
    expect(refusal(encodeCursor(context, ['a', 'b']), 3)?.code).toBe('invalid_input');
  });
});
