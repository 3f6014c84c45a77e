import type { DatabaseSync } from 'node:sqlite';
import type { DamagedRow, IntegrityLine } from '../../../shared/integrity.ts';
import type { Value } from '../tx.ts';
import { sqlite, sqliteCode } from './connection.ts';
import { checksum } from './transaction.ts';

/** A table of so many rows is long: SQLite's check of it cannot be cut short. */
const longRows = 10_000;

/** Damaged rows of one table that are named; with more, the table is what is damaged. */
const mostNamed = 100;

interface Sums {
  table: string;
  key: string[];
  /** Every column but `sum`, in the order in which the checksum has them. */
  columns: string[];
  rows: number;
}

/** What a table's rows are called by; a later version of the schema is read as well. */
function sumsOf(db: DatabaseSync, table: string): Sums | undefined {
  const columns = db.prepare('SELECT name, pk FROM pragma_table_info(?)').all(table) as { name: string; pk: number }[];
  if (!columns.some(({ name }) => name === 'sum')) return undefined;
  const key = columns.filter(({ pk }) => pk > 0).toSorted((a, b) => a.pk - b.pk);
  const names = columns.map(({ name }) => name).filter((name) => name !== 'sum');
  return { table, key: key.map(({ name }) => name), columns: names, rows: count(db, table) };
}

/** Work on an open database, until about that time by performance.now(); a long one is begun after a rest. */
export type Turn = <T>(work: (db: DatabaseSync, until: number) => T | Promise<T>, long?: boolean) => Promise<T>;

type Row = Record<string, Value | bigint>;

/** Every table by SQLite's own check, and every row by its checksum. */
export async function* checkDatabase(turn: Turn): AsyncGenerator<IntegrityLine> {
  const names = await turn((db) => db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all());
  const tables = names.map(({ name }) => String(name)).filter((name) => !name.startsWith('sqlite_'));
  const found = await turn((db) => tables.flatMap((table) => sumsOf(db, table) ?? []));
  const of = found.reduce((sum, one) => sum + one.rows, 0);
  let rows = 0;
  for (const table of tables) {
    const sums = found.find((one) => one.table === table);
    yield* await turn((db) => faultsOf(db, table), sums !== undefined && sums.rows >= longRows);
    if (!sums) continue;
    for (let after: Value[] | undefined = []; after !== undefined;) {
      const begin: Value[] = after;
      const part: Part = await turn((db, until) => readRows(db, sums, begin, until));
      yield* part.lines;
      rows += part.rows;
      yield { progress: { done: rows, of } };
      after = part.next;
    }
  }
  yield { end: { tables: tables.length, rows } };
}

function count(db: DatabaseSync, table: string): number {
  try {
    return Number(db.prepare(`SELECT count(*) AS rows FROM "${table}"`).get()?.['rows']);
  } catch {
    // Its own check tells.
    return 0;
  }
}

function faultsOf(db: DatabaseSync, table: string): IntegrityLine[] {
  try {
    const said = db.prepare(`PRAGMA integrity_check("${table}")`).all();
    const details = said.flatMap((row) => String(Object.values(row)[0]).split('\n'));
    return details.filter((detail) => detail !== 'ok').map((detail) => ({ fault: { table, detail } }));
  } catch (error) {
    return [{ fault: { table, detail: (error as Error).message } }];
  }
}

interface Part {
  lines: IntegrityLine[];
  rows: number;
  /** The key to go on after; undefined at the end of the table. */
  next: Value[] | undefined;
}

/** Rows one by one, for one may be large, until the time is up or one cannot be read. */
function readRows(db: DatabaseSync, sums: Sums, after: Value[], until: number): Part {
  const { table, key, columns } = sums;
  const [number] = after;
  // To look for what is more than a number SQLite goes to where that number lies, which may be what cannot be read.
  const begin =
    key.length === 1 && (typeof number === 'number' || typeof number === 'bigint') ? [BigInt(number) + 1n] : after;
  const compare = begin === after ? '>' : '>=';
  const where = after.length > 0 ? `WHERE (${key.join()}) ${compare} (${key.map(() => '?').join()})` : '';
  const sql = `SELECT ${columns.join()}, sum FROM "${table}" NOT INDEXED ${where} ORDER BY ${key.join()}`;
  const part: Part = { lines: [], rows: 0, next: undefined };
  let last = after;
  try {
    const statement = db.prepare(sql);
    // Also what no double holds: it was not written by us, and its checksum tells.
    statement.setReadBigInts(true);
    for (const row of statement.iterate(...begin) as Iterable<Row>) {
      part.rows += 1;
      last = key.map((name) => row[name] as Value);
      if (!isSound(row, columns)) {
        part.lines.push({ damaged: nameOf(db, sums, row, 'wrong checksum') });
        if (part.lines.length >= mostNamed) return { ...part, lines: [...part.lines, tooMany(sums, last)] };
      }
      if (performance.now() > until) return { ...part, next: last };
    }
    return part;
  } catch (error) {
    if (sqliteCode(error) !== sqlite.corrupt) throw error;
    return around(db, sums, last, part);
  }
}

const isSound = (row: Row, columns: string[]) =>
  BigInt(checksum(columns.map((name) => row[name] as Value))) === row['sum'];

/** The row after `last` cannot be read. Numbers can be stepped over one by one; after another key, the rest is lost. */
function around(db: DatabaseSync, sums: Sums, last: Value[], part: Part): Part {
  const { table, key } = sums;
  if (key.length !== 1 || !['number', 'bigint', 'undefined'].includes(typeof last[0])) {
    return { ...part, lines: [...part.lines, tooMany(sums, last)] };
  }
  const [name = ''] = key;
  const select = db.prepare(`SELECT * FROM "${table}" NOT INDEXED WHERE ${name} = ?`);
  select.setReadBigInts(true);
  const end = edge(db, sums, 'max');
  for (let number = Number(last[0] ?? edge(db, sums, 'min') - 1) + 1; number <= end; number++) {
    try {
      // A row that can be read: the walk goes on before it.
      if (select.get(number)) return { ...part, next: [number - 1] };
    } catch {
      part.lines.push({ damaged: nameOf(db, sums, { [name]: number }, 'cannot be read') });
      if (part.lines.length >= mostNamed) return { ...part, lines: [...part.lines, tooMany(sums, [number])] };
    }
  }
  return part;
}

/** The first or the last key; what cannot be read has none, and the check of the table says so. */
function edge(db: DatabaseSync, { table, key }: Sums, which: 'min' | 'max'): number {
  try {
    return Number(db.prepare(`SELECT ${which}(${key[0]}) AS edge FROM "${table}"`).get()?.['edge'] ?? 0);
  } catch {
    return which === 'min' ? 1 : 0;
  }
}

/** A key that is text is somebody's name for it, which the detail of a fault must not hold: a bundle has those. */
function tooMany({ table }: Sums, last: Value[]): IntegrityLine {
  const from = last.some((value) => typeof value === 'string') ? 'the last one named' : last.join(' ') || 'the first';
  return { fault: { table, detail: `rows after ${from} were not looked at: too many are damaged` } };
}

/** What people call it: columns that name it, its own or its session's, as far as these can be read. */
function nameOf(db: DatabaseSync, { table, key }: Sums, row: Row, reason: string): DamagedRow {
  const number = row[key[0] ?? ''] ?? null;
  const own = { ...narrow(db, table, key[0] ?? '', number), ...row };
  const session = own['app'] === undefined ? narrow(db, 'session', 'session_no', own['session_no'] ?? null) : {};
  const named = { ...session, ...own };
  const id = ['id', 'name', 'profile'].map((name) => named[name]).find((value) => typeof value === 'string');
  const { app } = named;
  // Of a credential it is what kind of secret it holds.
  const kind = table === 'credential' ? table : named['kind'];
  const called = key.map((name) => String(row[name])).join(' ');
  const text = (value: Row[string] | undefined) => (typeof value === 'string' ? value : undefined);
  return { table, kind: text(kind) ?? table, app: text(app) ?? null, id: text(id) ?? called, reason };
}

/** The columns of a row that come before its content, one by one: those can often be read where the row cannot. */
function narrow(db: DatabaseSync, table: string, key: string, value: Value | bigint): Row {
  const row: Row = {};
  for (const name of ['app', 'kind', 'id', 'name', 'profile', 'session_no']) {
    try {
      Object.assign(row, db.prepare(`SELECT ${name} FROM "${table}" WHERE ${key} = ?`).get(value));
    } catch {
      // There is no such column, or it cannot be read either.
    }
  }
  return row;
}
