import { describe, expect, it } from 'vitest';
import { decodeCursor, encodeCursor } from '../../daemon/store/page.ts';
import type { Context, Value } from '../../daemon/store/tx.ts';
import { HoldfastError } from '../../shared/errors.ts';
import { noKeys } from '../helpers/no-keys.ts';

const context: Context = {
  app: 'test',
  op: 'feeds.list',
  at: 0,
  epoch: 'abcd1234',
  tokenOf: String,
  client: null,
  pid: null,
  keys: noKeys,
  waitedMs: null,
  status: 0,
};
const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

type Types = Parameters<typeof decodeCursor>[3];

function refusal(cursor: string, types: Types = ['string', 'string']): HoldfastError | undefined {
  try {
    decodeCursor(context, 'list', cursor, types);
    return undefined;
  } catch (error) {
    return error instanceof HoldfastError ? error : undefined;
  }
}

describe('a cursor', () => {
  it.each<[Value[]]>([
    [['name', 'name']],
    [[1_769_860_800_000, 42]],
    [[0, '']],
    [[-1, Number.MAX_SAFE_INTEGER]],
    [['Füße 😀 "quoted" \\ \u0000', '\ud800 alone']],
    [['x'.repeat(1000), 0.5]],
  ])('brings %j back', (place) => {
    const cursor = encodeCursor(context, 'list', place);
    expect(cursor).toMatch(/^[\w-]+$/);
    const types = place.map((value) => (typeof value === 'string' ? 'string' : 'number'));
    expect(decodeCursor(context, 'list', cursor, types)).toEqual(place);
  });

  it('of another epoch answers reset, 410', () => {
    const cursor = encodeCursor({ ...context, epoch: 'ffff0000' }, 'list', ['a', 'b']);
    expect(refusal(cursor)).toMatchObject({ code: 'reset', status: 410 });
  });

  it.each([
    ['nothing', ''],
    ['no base64', '***'],
    ['no JSON', Buffer.from('{[').toString('base64url')],
    ['no list', encoded({ epoch: context.epoch })],
    ['null', encoded(null)],
    ['too few values', encoded([context.epoch, 'list', 'a'])],
    ['too many values', encoded([context.epoch, 'list', 'a', 'b', 'c'])],
    ['an object in it', encoded([context.epoch, 'list', {}, 'b'])],
    ['a list in it', encoded([context.epoch, 'list', ['a'], 'b'])],
    ['a boolean in it', encoded([context.epoch, 'list', true, 'b'])],
    ['null in it', encoded([context.epoch, 'list', null, 'b'])],
    ['a number for a text', encoded([context.epoch, 'list', 1, 'b'])],
    ['of another list', encoded([context.epoch, 'other', 'a', 'b'])],
    ['its end cut off', encodeCursor(context, 'list', ['a', 'b']).slice(0, -6)],
  ])('that is %s is refused by name', (_name, cursor) => {
    expect(refusal(cursor)).toMatchObject({ code: 'invalid_input', details: { errors: [{ path: 'cursor' }] } });
  });

  it('of a list with another number of values is refused', () => {
    expect(refusal(encodeCursor(context, 'list', ['a', 'b']), ['string', 'string', 'string'])?.code).toBe(
      'invalid_input',
    );
  });
});
