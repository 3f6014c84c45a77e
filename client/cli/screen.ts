import { once } from 'node:events';
import { styleText } from 'node:util';
import { cut, safe, safeJson, width } from './text.ts';

/** Version of every JSON document: it grows when a field changes its meaning or goes. */
const schema = 1;

/** Data, on stdout. Waits for a reader that is slow. */
export async function print(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}

export const jsonText = (document: object): string => safeJson(`${JSON.stringify({ schema, ...document }, null, 2)}\n`);
export const printJson = (document: object): Promise<void> => print(jsonText(document));

/** A message, on stderr. */
export const tell = (text: string): void => void process.stderr.write(`${text}\n`);

/** What went wrong, on stderr, as one line; on a terminal, as lines of whole words. */
export const tellError = (message: string): void => tell(wrap(`holdfast: ${message}`, '', process.stderr).join('\n'));

/** Columns of a terminal; some say that they have none. */
const roomOf = ({ isTTY, columns }: { isTTY: boolean; columns: number }, most = Infinity) =>
  isTTY && columns > 0 ? Math.min(columns, most) : Infinity;

/** Lines of whole words, as long as a terminal has columns; one line where there is none. */
export function wrap(
  text: string,
  indent: string,
  stream: { isTTY: boolean; columns: number } = process.stdout,
): string[] {
  const room = roomOf(stream, 100);
  const lines: string[] = [];
  let line = indent;
  for (const word of safe(text).split(' ')) {
    const longer = line === indent ? `${indent}${word}` : `${line} ${word}`;
    if (width(longer) > room && line !== indent) {
      lines.push(line);
      line = `${indent === '' ? '  ' : indent}${word}`;
    } else line = longer;
  }
  return [...lines, line];
}

type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow';

/** Colour for a terminal only; styleText reads NO_COLOR itself. */
export const paint = (style: Style, text: string): string =>
  process.stdout.isTTY ? styleText(style, text, { stream: process.stdout }) : text;

/** Rows under a header; the last column is cut at the edge of a terminal. */
export function table(header: string[], rows: string[][]): string {
  const clean = rows.map((row) => row.map(safe));
  const widths = header.map((title, column) =>
    clean.reduce((widest, row) => Math.max(widest, width(row[column] ?? '')), width(title)),
  );
  const before = widths.slice(0, -1).reduce((sum, columns) => sum + columns + 2, 0);
  const room = Math.max(roomOf(process.stdout) - before, 10);
  const line = (row: string[]) =>
    row
      .map((cell, column) =>
        column === row.length - 1 ? cut(cell, room) : cell + ' '.repeat((widths[column] ?? 0) - width(cell)),
      )
      .join('  ');
  return [paint('bold', line(header)), ...clean.map(line)].map((text) => `${text.trimEnd()}\n`).join('');
}

/** A record: a label and a value in each line; what has no value is left out. */
export function record(rows: [label: string, value: string | number | null][]): string {
  const longest = Math.max(...rows.map(([label]) => label.length));
  return rows
    .filter(([, value]) => value !== null && value !== '')
    .map(([label, value]) => `  ${label.padEnd(longest)}  ${safe(String(value))}\n`)
    .join('');
}

/** All pages of a list up to `most` records, and whether there are more. */
export async function pages<Item>(
  most: number,
  read: (page: { limit: number; cursor?: string }) => Promise<{ items: Item[]; nextCursor: string | null }>,
): Promise<{ items: Item[]; more: boolean }> {
  const items: Item[] = [];
  let cursor: string | null = null;
  do {
    const limit = Math.min(most - items.length, 1000);
    const page: { items: Item[]; nextCursor: string | null } = await read({
      limit,
      ...(cursor !== null && { cursor }),
    });
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null && items.length < most);
  return { items, more: cursor !== null };
}
