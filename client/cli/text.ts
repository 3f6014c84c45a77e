// What may be shown on a terminal: texts of applications come from anywhere, and a terminal obeys some characters.

/** Controls (C0, DEL, C1), what reorders or hides text (bidi, separators, byte order mark, tags) and halves of pairs. */
const dangerous =
  // oxlint-disable-next-line no-control-regex -- naming them is the point
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|\p{Surrogate}/gu;
const escaped = (character: string) => String.raw`\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;

/** The text on one line: line ends and tabs are a space, what a terminal would obey is written out. */
export const safe = (text: string): string => text.replaceAll(/[\r\n\t]+/g, ' ').replaceAll(dangerous, escaped);

/** The text with its lines. */
export const safeLines = (text: string): string =>
  text
    .replaceAll('\r\n', '\n')
    .replaceAll(dangerous, (character) => (character === '\n' || character === '\t' ? character : escaped(character)));

/** JSON with the same meaning, whose texts a terminal does not obey. */
export const safeJson = (json: string): string =>
  json.replaceAll(dangerous, (character) =>
    character === '\n'
      ? character
      : Array.from({ length: character.length }, (_, at) => unicodeEscape(character.charCodeAt(at))).join(''),
  );
const unicodeEscape = (unit: number) => String.raw`\u${unit.toString(16).padStart(4, '0')}`;

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
const wide =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\ufe0f/u;
const nothing = /^[\p{Mark}\u200c\u200d]+$/u;

const widthOf = (grapheme: string) => (nothing.test(grapheme) ? 0 : wide.test(grapheme) ? 2 : 1);

/** Columns that a safe text takes on a terminal. */
export const width = (text: string): number =>
  /^[\x20-\x7e]*$/.test(text)
    ? text.length
    : [...graphemes.segment(text)].reduce((sum, { segment }) => sum + widthOf(segment), 0);

/** The text in at most so many columns. */
export function cut(text: string, columns: number): string {
  if (width(text) <= columns) return text;
  let [short, used] = ['', 0];
  for (const { segment } of graphemes.segment(text)) {
    used += widthOf(segment);
    if (used >= columns) break;
    short += segment;
  }
  return `${short}…`;
}

const two = (value: number) => String(value).padStart(2, '0');

/** A time as people write it, in their own time zone. */
export function when(iso: string | null): string {
  if (iso === null) return '-';
  const at = new Date(iso);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** The time of day. */
export function time(iso: string): string {
  const at = new Date(iso);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

export function duration(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return `${Math.floor(ms / 1000)} s`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days ${hours % 24} h`;
}

export function size(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1);
  return `${power === 0 ? bytes : (bytes / 1024 ** power).toFixed(1)} ${units[power]}`;
}
