import { readFileSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

// Where rows lie in a database that nobody has open: https://sqlite.org/fileformat2.html

/** One row of a table, or one entry of an index: its rowid, 0 in an index, and where its record begins and ends. */
interface Cell {
  rowid: number;
  from: number;
  to: number;
}
/** A record is a header, which says the types and lengths of its values, and the values. */
export type Part = 'header' | 'values';

/** The kinds of page, by their first byte. */
const kinds = { indexInterior: 0x02, tableInterior: 0x05, indexLeaf: 0x0a };

/** The rows of a table, or the entries of an index, in order; those in overflow pages are left out. */
export function cellsOf(database: string, name: string, where?: string): Cell[] {
  const { root, pageSize, rowids } = describeTable(database, name, where);
  const file = readFileSync(database);
  const recordAt = (start: number, ofTable: boolean): Cell[] => {
    const [size, afterSize] = varint(file, start);
    const [rowid, from] = ofTable ? varint(file, afterSize) : [0, afterSize];
    return size > pageSize / 8 ? [] : [{ rowid, from, to: from + size }];
  };
  const visit = (page: number): Cell[] => {
    const at = (page - 1) * pageSize;
    // The first page begins with the header of the file.
    const head = page === 1 ? 100 : at;
    const kind = file[head] ?? 0;
    const interior = kind === kinds.indexInterior || kind === kinds.tableInterior;
    const count = file.readUInt16BE(head + 3);
    const pointers = head + (interior ? 12 : 8);
    const offsets = Array.from({ length: count }, (_, index) => at + file.readUInt16BE(pointers + 2 * index));
    if (!interior) return offsets.flatMap((start) => recordAt(start, kind !== kinds.indexLeaf));
    // Above the leaves, an index has entries too.
    const own = (start: number) => (kind === kinds.indexInterior ? recordAt(start + 4, false) : []);
    const parts = offsets.flatMap((start) => [...visit(file.readUInt32BE(start)), ...own(start)]);
    return [...parts, ...visit(file.readUInt32BE(head + 8))];
  };
  return visit(root).filter(({ rowid }) => rowids?.has(rowid) ?? true);
}

/** First byte of a part of a record, and the byte after its last; of the values, those from that text on. */
export function recordOf(database: string, { from, to }: Cell, part: Part, text = ''): [from: number, to: number] {
  const file = readFileSync(database);
  const values = from + varint(file, from)[0];
  return part === 'header' ? [from, values] : [file.indexOf(text, values), to];
}

/** Fills bytes of a file with zeros, as a page has that was never written. */
export function blank(file: string, from: number, length: number): void {
  const bytes = readFileSync(file);
  writeFileSync(file, bytes.fill(0, from, from + length));
}

/** Blanks the pages of a table that hold these rows, and answers all that were on them. */
export function blankRows(file: string, name: string, from: number, to = from): number[] {
  const pageSize = 4096;
  const cells = cellsOf(file, name).map((cell) => ({ rowid: cell.rowid, page: Math.floor(cell.from / pageSize) }));
  const pages = new Set(cells.filter(({ rowid }) => rowid >= from && rowid <= to).map(({ page }) => page));
  for (const page of pages) blank(file, page * pageSize, pageSize);
  return cells.filter(({ page }) => pages.has(page)).map(({ rowid }) => rowid);
}

/** Changes bits of bytes of a file. */
export function flip(file: string, offsets: number[], mask: number): void {
  const bytes = readFileSync(file);
  for (const offset of offsets) bytes[offset] = (bytes[offset] ?? 0) ^ mask;
  writeFileSync(file, bytes);
}

function describeTable(database: string, name: string, where: string | undefined) {
  const db = new DatabaseSync(database, { readOnly: true });
  try {
    const pageSize = Number(db.prepare('PRAGMA page_size').get()?.['page_size']);
    const found = db.prepare('SELECT rootpage FROM sqlite_schema WHERE name = ?').get(name);
    // A primary key that is the rowid is answered under its own name.
    const rows = where === undefined ? undefined : db.prepare(`SELECT rowid FROM ${name} WHERE ${where}`).all();
    const rowids = rows && new Set(rows.map((row) => Number(Object.values(row)[0])));
    // The schema itself is no entry of the schema.
    return { root: Number(found?.['rootpage'] ?? 1), pageSize, rowids };
  } finally {
    db.close();
  }
}

function varint(file: Buffer, start: number): [value: number, end: number] {
  let value = 0;
  for (let at = start; ; at++) {
    const byte = file[at] ?? 0;
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) return [value, at + 1];
  }
}
