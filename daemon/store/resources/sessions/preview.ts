import { isJsonObject, type Json, type JsonObject } from '../../../../shared/json.ts';

const graphemes = new Intl.Segmenter();
const longest = 80;

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
  // 8 code units a grapheme: one that is longer, as emoji families and stacked marks can be, ends the preview.
  const text = textOf(message['content'])?.slice(0, longest * 8);
  if (text === undefined) return undefined;
  // Control characters become spaces: the preview is a line for people, and SQL text ends at NUL.
  const line = text
    .toWellFormed()
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim();
  const segments = [...graphemes.segment(line)];
  if (segments.length <= longest) return line;
  return `${line.slice(0, segments[longest - 1]?.index).trimEnd()}…`;
}
