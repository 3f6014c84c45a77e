import { Console } from 'node:console';
import { Writable } from 'node:stream';
import { format, inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { conceal, concealAnswer } from '../../client/conceal.ts';
import { contract } from '../../shared/contract.ts';
import { operation, type Operation } from '../../shared/operation.ts';
import { revealed, secretMapper } from '../../shared/secret.ts';

const secret = 'a-secret-of-some-length-0123456789';
const plain = 'what-everybody-may-see';

const answering = (output: z.ZodType, marked = true): Operation =>
  operation({
    method: 'POST',
    path: '/v1/x',
    kind: 'read',
    access: 'secret',
    summary: 'x',
    input: z.strictObject({}),
    output,
    ...(marked && { secret: true }),
  });
const flat = z.object({ token: revealed(), name: z.string() });
const union = z.union([z.object({ kind: z.literal('none') }), flat]);
const nested = z.object({ items: z.array(z.object({ inner: flat })), name: z.string() });

const fields = { token: secret, name: plain };
const shapes: [string, z.ZodType, object][] = [
  ['flat', flat, fields],
  ['one of several', union, fields],
  ['nested in an array', nested, { items: [{ inner: fields }], name: plain }],
];
const fresh = (answer: object) => structuredClone(answer);
const concealed = (output: z.ZodType, answer: object, marked = true) =>
  concealAnswer(answering(output, marked), fresh(answer)) as object;

function written(say: (to: Console) => void): string {
  const parts: string[] = [];
  const stream = new Writable({ write: (chunk: Buffer, _, done) => (parts.push(chunk.toString()), done()) });
  say(new Console(stream));
  return parts.join('');
}
/** Every way to look at a value while debugging. */
const ways: [string, (value: object) => string][] = [
  ['console.log', (value) => written((to) => to.log(value))],
  ['console.log of what holds it', (value) => written((to) => to.log([{ answer: value }]))],
  ['console.error with a text', (value) => written((to) => to.error('answer', value))],
  ['console.dir', (value) => written((to) => to.dir(value, { depth: 9 }))],
  ['%o', (value) => format('%o', value)],
  ['%O', (value) => format('%O', value)],
  ['%s', (value) => format('%s', value)],
  ['inspect', (value) => inspect(value, { depth: 9 })],
  ['inspect with getters', (value) => inspect(value, { depth: 9, getters: true, showHidden: true })],
  ['an error', (value) => inspect(Object.assign(new Error('x'), { answer: value }), { depth: 9 })],
  ['the cause of an error', (value) => inspect(new Error('x', { cause: value }), { depth: 9 })],
];

describe.each(shapes)('an answer that is %s', (_, output, answer) => {
  it.each(ways)('is not shown by %s', (_way, look) => {
    expect(look(concealed(output, answer))).not.toContain(secret);
  });

  it('still shows the rest, and that there is a secret', () => {
    const text = inspect(concealed(output, answer), { depth: 9 });
    expect(text).toContain(`name: '${plain}'`);
    expect(text).toContain(`token: '[secret]'`);
  });

  it('gives the secret to whoever asks for it', () => {
    const value = concealed(output, answer);
    expect(JSON.stringify(value)).toBe(JSON.stringify(answer));
    expect(value).toStrictEqual(answer);
    expect({ ...value }).toStrictEqual(answer);
    expect(structuredClone(value)).toStrictEqual(answer);
    expect(Object.keys(value)).toEqual(Object.keys(answer));
  });
});

describe('an answer of an operation that is not marked', () => {
  it.each(ways)('is shown by %s, so that would find a secret', (_way, look) => {
    expect(look(concealed(flat, fields, false))).toContain(secret);
  });
});

describe('an object with a secret', () => {
  it('may be changed, and shows what it holds then', () => {
    const value: Record<string, unknown> = conceal({ token: secret, name: plain }, ['token']);
    value['token'] = 'another-secret';
    value['added'] = 1;
    expect(value['token']).toBe('another-secret');
    expect(inspect(value)).toBe(`{ token: '[secret]', name: '${plain}', added: 1 }`);
  });

  it('says when there is none', () => {
    expect(inspect(conceal({ token: undefined }, ['token']))).toBe('{ token: undefined }');
  });

  it.each([[null], ['text'], [7], [[]], [{}]])('may be %j: that is answered as it came', (value) => {
    expect(concealAnswer(answering(flat), value)).toBe(value);
  });
});

describe('the contract', () => {
  const operations = Object.values(contract).flatMap((group) => Object.entries<Operation>(group));
  it('marks every operation whose answer holds a secret, and no other', () => {
    const marked = operations.filter(([, each]) => each.secret);
    expect(marked.length).toBeGreaterThan(3);
    const holding = operations.filter(([, { output }]) => secretMapper(output, 'output') !== undefined);
    expect(holding.map(([, { path }]) => path)).toEqual(marked.map(([, { path }]) => path));
  });
});
