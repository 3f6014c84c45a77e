import { wordsOf, type Word } from './text.ts';

/** Characters before and after the first match. */
const before = 60;
const after = 140;
/** A message is looked through so far for a match to show. */
const longest = 256 * 1024;

/** The words around the first match as one line, and where in it the matches are. */
export function snippetOf(text: string, phrases: string[]) {
  const wanted = phrases.map((phrase) => [...wordsOf(phrase)]);
  const searched = text.slice(0, longest);
  const start = firstMatch(searched, wanted);
  const from = start <= before ? 0 : whole(text, boundary(searched, start - before));
  const to = whole(text, Math.min(text.length, Math.max(start, from) + after));
  const cut = text
    .slice(from, to)
    .toWellFormed()
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim();
  const snippet = `${from > 0 ? '…' : ''}${cut}${to < text.length ? '…' : ''}`;
  // What is left of a word that was cut is another word.
  const words = [...wordsOf(snippet)].filter(
    ({ start: first, end }) =>
      !(first === 1 && from > 0 && isCut(text, from)) &&
      !(end === snippet.length - 1 && to < text.length && isCut(text, to)),
  );
  return { snippet, matches: matchesIn(words, wanted) };
}

/** A position that does not cut a surrogate pair. */
const whole = (text: string, position: number) =>
  /^[\ud800-\udbff][\udc00-\udfff]$/.test(text.slice(position - 1, position + 1)) ? position - 1 : position;

const isCut = (text: string, position: number) => {
  const around = text.slice(Math.max(0, position - 2), position + 2);
  return [...wordsOf(around)].some(({ start, end }) => start < Math.min(2, position) && end > Math.min(2, position));
};

/** The next beginning of a word, so that no word is cut; a long run is cut all the same. */
function boundary(text: string, position: number): number {
  const space = text.slice(position, position + before / 2).search(/\s/);
  return space === -1 ? position : position + space + 1;
}

function firstMatch(text: string, wanted: Word[][]): number {
  const seen: Word[] = [];
  for (const word of wordsOf(text)) {
    seen.push(word);
    const phrase = wanted.find((each) => endsWith(seen, each));
    if (phrase) return seen.at(-phrase.length)?.start ?? 0;
  }
  return 0;
}

/** Whether a word is the one that is wanted; one wanted without signs may have some. */
const isWanted = (word: Word | undefined, wanted: Word) =>
  word?.word === wanted.word && (wanted.signs === '' || word.signs === wanted.signs);

const endsWith = (words: Word[], phrase: Word[]) =>
  phrase.every((word, index) => isWanted(words.at(index - phrase.length), word));

function matchesIn(words: Word[], wanted: Word[][]) {
  const found: { start: number; end: number }[] = [];
  for (let index = 0; index < words.length; index++) {
    const phrase = wanted.find((each) => each.every((word, offset) => isWanted(words[index + offset], word)));
    const [first, last] = phrase ? [words[index], words[index + phrase.length - 1]] : [];
    if (!phrase || !first || !last) continue;
    found.push({ start: first.start, end: last.end });
    index += phrase.length - 1;
  }
  return found;
}
