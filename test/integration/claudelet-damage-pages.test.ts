import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestHome } from '../helpers/daemon.ts';
import { blank, cellsOf, flip, recordOf } from './claudelet-cells.ts';
import { copyOf, count, distinct, listed, makeStore, names, outcome, outcomes, sorts } from './claudelet-store.ts';

// Invariant: whatever page of a stopped store is damaged, a daemon that starts on it either knows every session or says
// what is damaged; it never knows fewer and says nothing.

const pageSize = 4096;

/** What a daemon hides that is started on a damaged store; one that does not start must name the file. */
async function hiddenIn(home: TestHome): Promise<unknown[]> {
  const daemon = home.spawn();
  if (!(await daemon.ready().then(Boolean, () => false))) {
    const { code } = await daemon.exited;
    return code === 78 && daemon.stderr.includes(home.paths.database) ? [] : [code, daemon.stderr];
  }
  const client = home.client();
  const first = async (id: string) => {
    const { items } = await client.sessions.messages({ id });
    if (items.length !== 1) throw new Error(`${items.length} messages`);
  };
  const codes = [...(await outcomes(client)), ...(await Promise.all(names.map((id) => outcome(first(id)))))];
  const hidden: unknown[] = distinct(codes).filter((one) => one !== 'answered' && one !== 'damaged');
  for (const sort of sorts) {
    const found = await listed(client, sort).then(
      ({ length }) => length,
      (error: { code: string }) => error.code,
    );
    if (found !== count && found !== 'damaged') hidden.push(`list by ${sort}: ${found}`);
  }
  return hidden;
}

describe('Claudelet C3: damaged pages in a stopped store', () => {
  let original: TestHome;
  beforeAll(async () => {
    original = await makeStore();
  });
  afterAll(() => original[Symbol.asyncDispose]());

  it.each(['session', 'session_head', 'branch', 'session_id', 'log', 'log_message', 'sqlite_schema'])(
    'a page of %s was never written',
    async (name) => {
      await using home = copyOf(original);
      const { database } = home.paths;
      const cells = cellsOf(database, name);
      const middle = cells[Math.floor(cells.length / 2)];
      blank(database, Math.floor((middle?.from ?? 0) / pageSize) * pageSize, pageSize);
      expect(await hiddenIn(home)).toEqual([]);
    },
  );

  it('its last page is missing', async () => {
    await using home = copyOf(original);
    const { database } = home.paths;
    blank(database, statSync(database).size - pageSize, pageSize);
    expect(await hiddenIn(home)).toEqual([]);
  });

  it.each(['application', 'id'])('a bit of the %s in the index of sessions is wrong', async (part) => {
    await using home = copyOf(original);
    const { database } = home.paths;
    const entries = cellsOf(database, 'session_id');
    const middle = entries[Math.floor(entries.length / 2)];
    if (!middle) throw new Error('no index');
    const [from] = recordOf(database, middle, 'values');
    // The application is `test`, and the id follows.
    flip(database, [from + (part === 'id' ? 4 : 0)], 0x80);
    expect(await hiddenIn(home)).toEqual([]);
  });

  it('red control: a session that is gone from table and index alike is what these checks look for', async () => {
    await using home = copyOf(original);
    const db = new DatabaseSync(home.paths.database);
    db.exec("DELETE FROM session WHERE id = 'session-007'");
    db.close();
    const lists = sorts.map((sort) => `list by ${sort}: ${count - 1}`);
    expect(await hiddenIn(home)).toEqual(['not_found', ...lists]);
  });
});
