import type { Table } from '../tx.ts';

interface Sql {
  /** `SELECT ... FROM table `, to which a tail is added. */
  select: string;
  /** The tail that finds one row by primary key. */
  byKey: string;
  insert: string;
  put: string;
  delete: string;
}

const made = new WeakMap<object, Sql>();

/** The SQL text of a table, made once. Every row ends with its checksum, `sum`. */
export function sqlOf<R>(table: Table<R>): Sql {
  let sql = made.get(table);
  if (!sql) made.set(table, (sql = make(table)));
  return sql;
}

function make<R>({ name, key, columns }: Table<R>): Sql {
  const all = [...columns, 'sum'];
  const others = all.filter((column) => !(key as readonly string[]).includes(column));
  const byKey = `WHERE ${key.map((column) => `${column} = ?`).join(' AND ')}`;
  const insert = `INSERT INTO ${name} (${all.join(', ')}) VALUES (${all.map(() => '?').join(', ')})`;
  const update = others.map((column) => `${column} = excluded.${column}`).join(', ');
  return {
    select: `SELECT ${all.join(', ')} FROM ${name} `,
    byKey,
    insert,
    put: `${insert} ON CONFLICT (${key.join(', ')}) DO UPDATE SET ${update}`,
    delete: `DELETE FROM ${name} ${byKey}`,
  };
}
