import { isJsonObject, type Json, type JsonObject } from '../../../../shared/json.ts';

const graphemes = new Intl.Segmenter();
const longest = 80;
/** Code units of a grapheme that a preview is prepared for: a family of four has 11. */
const longestGrapheme = 16;

/** The text of a message: its `content`, or the first text part of it. */
function textOf(content: Json | undefined): string | undefined {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return undefined;
  const part = content.find((each) => isJsonObject(each) && typeof each['text'] === 'string') as JsonObject | undefined;
  return part?.['text'] as string | undefined;
}

/** At most 80 graphemes of a message of role user on one line; undefined for any other message. */
export function previewOf(message: JsonObject): string | undefined {
  if (message['role'] !== 'user') return undefined;
  const text = textOf(message['content']);
  if (text === undefined) return undefined;
  const beginning = text.slice(0, longest * longestGrapheme);
  // Control characters become spaces: the preview is a line for people, and SQL text ends at NUL.
  const line = beginning
    .toWellFormed()
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim();
  const shown = Array.from(graphemes.segment(line), ({ segment }) => segment);
  // The last one may have been cut in two.
  if (beginning.length < text.length && shown.length <= longest) shown.pop();
  else if (shown.length <= longest) return line;
  return `${shown
    .slice(0, longest - 1)
    .join('')
    .trimEnd()}…`;
}
