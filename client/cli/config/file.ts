import type { Json } from '../../../shared/json.ts';

// A document as a file: the first line of one in YAML says which version it is, so that it can be merged later.

export const formats = ['yaml', 'json'] as const;
export type Format = (typeof formats)[number];
export const formatOf = (path: string): Format => (path.toLowerCase().endsWith('.json') ? 'json' : 'yaml');

/** Which version a file was made from. */
export interface Header {
  version: number;
  revision: string;
}

const begin = (app: string, name: string) => `# holdfast config of ${app} ${JSON.stringify(name)}: version `;
const written = /^# holdfast config of [^\n]*: version (\d+) (\S+)\r?\n/m;
/** Lines that stand in a file whose changes could not be stored. */
const conflictLines = /^# conflict at .*\n/gm;

/** The line that says it; none for a document that is not stored. */
export const headerLine = (app: string, name: string, stored: Header | undefined): string =>
  stored ? `${begin(app, name)}${stored.version} ${stored.revision}\n` : '';

/** Which version a text was made from; undefined where it does not say so of this document. */
export function headerOf(text: string, app: string, name: string): Header | undefined {
  const [line, version, revision] = written.exec(text) ?? [];
  if (!line?.startsWith(begin(app, name)) || revision === undefined) return undefined;
  return { version: Number(version), revision };
}

/** The text without what is ours. */
export const bodyOf = (text: string): string => text.replace(written, '').replaceAll(conflictLines, '');

export async function valueOfText(text: string, format: Format): Promise<Json> {
  // Of a key that comes twice and of a number of too many digits, JSON.parse says nothing: YAML, which JSON is, is asked as well.
  if (format === 'json') JSON.parse(text);
  // Loaded when it is needed: the other commands are quicker without.
  const { valueOf } = await import('./yaml.ts');
  return valueOf(text);
}

/** A value as text below a header; the comments of the `old` text stay where the format has any. */
export async function textOf(value: Json, header: string, format: Format, old?: string): Promise<string> {
  if (format === 'json') return `${JSON.stringify(value, null, 2)}\n`;
  const { updated, yamlOf } = await import('./yaml.ts');
  return header + (old === undefined ? yamlOf(value) : updated(bodyOf(old), value));
}

/** The text of a file. Never decoded leniently: another value would be stored than the one that was meant. */
export function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new Error('this is no UTF-8: convert it', { cause: error });
  }
}
