import { isJsonObject, type Json } from '../../../../shared/json.ts';

// What of a message can be found, and how text falls into words. Search engines see words as tx.ts says: runs of letters
// and digits, without case and marks. Scripts that write no spaces are searched character by character.

const unspaced =
  '\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}';
const unspacedCharacter = new RegExp(`[${unspaced}]\\p{M}*`, 'gu');
/** Signs that make another word of a word: C++ and C# are not C. */
const signs = '[+#]{1,2}(?![\\p{L}\\p{N}+#])';
// Begins where a word begins: otherwise a long word is looked through once for each of its letters.
const signed = new RegExp(`(?<![\\p{L}\\p{N}])([\\p{L}\\p{N}]+)(${signs})`, 'gu');
const word = new RegExp(
  `[${unspaced}]\\p{M}*|([[\\p{L}\\p{N}\\p{Co}]--[${unspaced}]][[\\p{L}\\p{N}\\p{M}\\p{Co}]--[${unspaced}]]*)(${signs})?`,
  'gv',
);
const wordCharacter = /[\p{L}\p{N}\p{Co}]/u;

/** Names of fields whose values are marks, not text: `type` alone would be found in every part of every message. */
const marks = new Set(['type', 'role', 'id', 'timestamp']);
/** Longer runs of these are data, such as an image in base64; other text may well have no space in it. */
const longestRun = 500;
const run = new RegExp(`[A-Za-z0-9+/=_-]{${longestRun},}`, 'g');

/** The text of a message: every string in it, one after the other, without encoded data. */
export function textOf(message: Json): string {
  const found: string[] = [];
  const visit = (value: Json, field: string): void => {
    if (typeof value === 'string') {
      if (!marks.has(field) && value !== '') found.push(value.length > longestRun ? value.replaceAll(run, ' ') : value);
    } else if (Array.isArray(value)) {
      for (const each of value) visit(each, field);
    } else if (isJsonObject(value)) {
      for (const [name, each] of Object.entries(value)) visit(each, name);
    }
  };
  visit(message, '');
  return found.join('\n');
}

/**
 * Text as an index takes it: characters of unspaced scripts stand alone, `C++` is followed by a word of its own, NUL
 * and lone surrogates are gone.
 */
export function forIndex(text: string): string {
  const plain = withoutMarks(text.toWellFormed().replaceAll('\0', ' ')).replaceAll(unspacedCharacter, ' $& ');
  return plain.replaceAll(signed, (_, name: string, sign: string) => `${name} ${name}${spelt(sign)}`);
}

const spelt = (sign: string) => sign.replaceAll('+', 'plus').replaceAll('#', 'sharp');

/** In one form, whatever form it came in. The marks of voiced kana stay: they make another letter. */
const withoutMarks = (text: string) =>
  text
    .normalize('NFD')
    .replaceAll(/[\p{M}--[\u3099\u309a]]/gv, '')
    .normalize('NFC');

/** A word as it is compared: without case and marks. */
const fold = (text: string) => withoutMarks(text).toLowerCase();

export interface Word {
  word: string;
  /** The signs after it, which may be part of it. */
  signs: string;
  start: number;
  end: number;
}

export function* wordsOf(text: string): Generator<Word> {
  for (const match of text.matchAll(word)) {
    const [all, name = all, after = ''] = match;
    yield { word: fold(name), signs: after, start: match.index, end: match.index + all.length };
  }
}

/**
 * The phrases that a query asks for: each word, and words in quotes together. Punctuation separates words inside a phrase, so
 * `file.ts` is the phrase of both; a quote without its partner is punctuation.
 */
export function phrasesOf(query: string): string[] {
  const parts = [...query.matchAll(/"([^"]*)"|[^\s"]+|"/g)].map((match) => match[1] ?? match[0]);
  return parts.filter((part) => wordCharacter.test(part));
}
