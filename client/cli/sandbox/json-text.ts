import { isJsonObject, type JsonObject } from '../../../shared/json.ts';

/** JSON without what is between its words. */
const compact = (text: string) => text.replaceAll(/("(?:[^"\\]|\\.)*")|\s+/g, '$1');

/**
 * A JSON text after `edit`, in its own indentation; the very same text when that changes nothing. Throws, so that nothing is
 * written, where the text is no JSON object or would not come back as it was: numbers beyond a double, a name given twice.
 */
export function editJson(text: string, edit: (root: JsonObject) => void): string {
  const root = parse(text === '' ? '{}\n' : text);
  const before = JSON.stringify(root);
  if (text !== '' && compact(text) !== before)
    throw new Error('it is written in a way that would not come back as it is');
  edit(root);
  if (JSON.stringify(root) === before) return text;
  const [, indent = text.includes('\n') || text === '' || text === '{}' ? '  ' : ''] = /\n([ \t]+)"/.exec(text) ?? [];
  const end = text === '' ? '\n' : (/\s*$/.exec(text)?.[0] ?? '');
  const written = JSON.stringify(root, null, indent) + end;
  return text.includes('\r\n') ? written.replaceAll(/\r?\n/g, '\r\n') : written;
}

function parse(text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // What V8 says quotes the text, which may hold a secret.
    throw new Error('it is not valid JSON');
  }
  if (isJsonObject(value)) return value;
  throw new Error('it is no JSON object');
}
