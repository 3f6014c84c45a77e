import { runInNewContext } from 'node:vm';
import { describe, expect, it, vi } from 'vitest';
import { protect, redact } from '../../daemon/redact.ts';
import { formsOf, redacted, withoutForms, withoutTokens } from '../../shared/redact.ts';

// Redaction runs on the main thread, for texts that anybody may send: a text costs what its length says, however many
// secrets are known and whatever it is made of.

const secrets = Array.from({ length: 2000 }, (_, n) => `${String(n).padStart(4, '0')} a/"+é${n}`);
const texts = Array.from({ length: 20 }, (_, n) => `error ${n}: ${secrets[n]} does not belong to kind 'api-key'`);
const clean = texts.map((_, n) => `error ${n}: ${redacted} does not belong to kind 'api-key'`);
const characters = texts.join('').length;

/** How often texts are searched and forms of secrets sorted, and how often all forms are put in order by their beginning. */
function workOf(run: () => unknown) {
  const searched = vi.spyOn(String.prototype, 'includes');
  const sorted = vi.spyOn(Array.prototype, 'toSorted');
  const ordered = vi.spyOn(Map, 'groupBy');
  try {
    run();
    const forms = sorted.mock.contexts.reduce<number>((sum, list) => sum + (list as unknown[]).length, 0);
    return { steps: searched.mock.calls.length + forms, ordered: ordered.mock.calls.length };
  } finally {
    for (const spy of [searched, sorted, ordered]) spy.mockRestore();
  }
}

describe('many secrets at once', () => {
  it('cost a text what its length says, and are put in order once for all texts', () => {
    using _ = protecting(secrets);
    let found: string[] = [];
    const { steps, ordered } = workOf(() => (found = texts.map(redact)));
    expect(found).toEqual(clean);
    expect(steps).toBeLessThan(characters);
    expect(ordered).toBe(1);
  });

  it('red control: to look for every form in every text is seen', () => {
    const forms = secrets.flatMap(formsOf);
    expect(workOf(() => texts.map((text) => withoutForms(text, forms))).steps).toBeGreaterThan(100 * characters);
  });

  it('are found in a text that is longer than they are many, in every form, until they are known no more', () => {
    const [secret = ''] = secrets;
    const long = `${'x'.repeat(100_000)} ${formsOf(secret).join(' ')} `;
    {
      using _ = protecting(secrets.slice(0, 3));
      expect(redact(long).slice(100_001)).toBe(`${formsOf(secret).fill(redacted).join(' ')} `);
    }
    // The last ones stay known for a while.
    protecting(Array.from({ length: 100 }, (_, n) => `later secret ${n}`))[Symbol.dispose]();
    expect(redact(long)).toBe(long);
  });
});

function protecting(values: string[]): Disposable {
  return { [Symbol.dispose]: protect(values) };
}

/** What a function answers, or an error after ten seconds: V8 ends a regular expression that is still at it then. */
const within = (look: (text: string) => string, text: string, timeout = 10_000) =>
  runInNewContext('look(text)', { look, text }, { timeout }) as string;

/** Half a megabyte: that takes some milliseconds, and minutes with an expression that goes on from every beginning. */
const textOf = (part: string) => part.repeat(500_000 / part.length);
const fromEveryBeginning = (text: string) => text.replaceAll(/\beyJ[\w-]{8,}\./g, redacted);

describe('a text that is made to be looked at again and again', () => {
  const hostile = ['-eyJabcdefgh', 'eyJ-', '-eyJabcdefgh.', 'bearer ', '://a:', 'sk-', ' '];
  it.each(hostile)('%j is looked at once', (part) => {
    expect(within(withoutTokens, textOf(part))).not.toBe('');
  });

  it('red control: what looks from every beginning does not end', () => {
    expect(() => within(fromEveryBeginning, textOf('-eyJabcdefgh'), 100)).toThrow(/timed out/);
  });

  it.each(['eyJ', 'sk-'])('one word of 16 MiB that begins with %j is no RangeError, and is not shown', (start) => {
    expect(withoutTokens(start.padEnd(16 * 1024 * 1024, 'a'))).toBe(redacted);
  });
});

describe('JSON web tokens', () => {
  it.each([
    ['sent eyJhbGciOiJub25l.eyJzdWIiOiIx.sig to', `sent ${redacted} to`],
    ['eyJhbGciOiJub25l.eyJzdWIiOiIx', redacted],
    ['token-eyJhbGciOiJub25l.eyJzdWIiOiIx.', `token-${redacted}`],
    ['eyJhbGciOi-eyJub25l.eyJzdWIiOiIx.sig', redacted],
    ['x.eyJhbGciOiJub25l.y', `x.${redacted}`],
    ['eyJhbGciOiJub25l', 'eyJhbGciOiJub25l'],
    ['eyJshort.x', 'eyJshort.x'],
    ['keyJhbGciOiJub25l.x', 'keyJhbGciOiJub25l.x'],
  ])('%s', (text, open) => expect(withoutTokens(text)).toBe(open));
});
