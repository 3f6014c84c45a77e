import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { replace } from '../../shared/resources/sessions.ts';
import { append } from '../../shared/resources/sessions/messages.ts';

const of = { app: 'a', id: 's' };
const faultsOf = (input: object, operation: typeof replace | typeof append = replace) =>
  operation.input.safeParse({ ...of, ...input }).error?.issues.map(({ path, message }) => [path.join('.'), message]);

describe('the messages of a whole session', () => {
  it('pass through as they are, as many as there are', () => {
    const messages = Array.from({ length: 2000 }, (_, n) => JSON.parse(`{"__proto__":${n},"id":"m${n}"}`) as object);
    const read = replace.input.parse({ ...of, messages }).messages;
    expect(read).toHaveLength(messages.length);
    expect(read.every((message, index) => message === messages[index])).toBe(true);
  });

  it.each([
    [[1]],
    [[null]],
    [[[]]],
    [[{}, { seq: 1 }]],
    [[{ id: '' }, { id: 7 }, { id: 'a\n', seq: 1 }]],
    [[{}, { a: JSON.parse(`${'['.repeat(300)}${']'.repeat(300)}`) as unknown }]],
  ])('%j is refused as an append would', (messages) => {
    const faults = faultsOf({ messages });
    expect(faults).not.toEqual([]);
    expect(faults).toEqual(faultsOf({ messages }, append));
  });

  it.each([
    [{}, 'is required'],
    [{ messages: null }, 'must be an array'],
    [{ messages: { length: 1 } }, 'must be an array'],
  ])('are an array: not %j', (input, message) => expect(faultsOf(input)).toEqual([['messages', message]]));

  // Every fault is an object: those of one body with millions ended the process.
  it('are looked at until a hundred have a fault, and it says that the rest was not', () => {
    const messages = [{}, ...Array.from({ length: 50_000 }, (_, n) => (n % 2 === 0 ? n : {}))];
    const faults = faultsOf({ messages }) ?? [];
    expect(faults).toHaveLength(100);
    expect(faults.slice(0, 2).map(([path]) => path)).toEqual(['messages.1', 'messages.3']);
    expect(faults.at(-1)).toEqual(['messages.198', 'and those after it were not looked at']);
  });

  it('are described as an array of objects', () => {
    const { properties = {}, required } = z.toJSONSchema(replace.input, { io: 'input', unrepresentable: 'any' });
    expect(properties['messages']).toEqual({ type: 'array', items: { type: 'object', additionalProperties: true } });
    expect(required).toContain('messages');
  });
});
