import { DatabaseSync } from 'node:sqlite';
import { expect, it } from 'vitest';
import { TestHome } from '../helpers/daemon.ts';
import { changeOne, tamper } from '../helpers/tamper.ts';
import { until } from '../helpers/wait.ts';

// Invariant: what keeps one kind of old records from being removed keeps no other, and health says that it does.

it('a log that cannot be pruned keeps no login and no erased message in the store', async () => {
  await using home = new TestHome();
  let daemon = await home.start();
  const client = home.client();
  const rows = (sql: string) => {
    using db = new DatabaseSync(home.paths.database, { readOnly: true });
    return Number(db.prepare(`SELECT count(*) AS n FROM ${sql}`).get()?.['n']);
  };
  const cleanFails = async () => (await client.system.health()).reasons.includes('clean_failed');
  const erase = async (id: string) => {
    await client.sessions.create({ id });
    await client.sessions.append({ id, messages: [{ role: 'user', content: 'hello' }] });
    await client.sessions.delete({ id, erase: true });
    await until('the message is gone', () => rows('log WHERE seq IS NOT NULL') === 0);
  };
  // Red control: nothing keeps it here.
  await erase('s');
  expect(await cleanFails()).toBe(false);

  await client.pending.put({ state: 'login', secret: 'of nobody' });
  expect(rows('pending')).toBe(1);
  await daemon.end();
  tamper(home.paths.database, (db) => {
    changeOne(db, 'UPDATE pending SET expires_at = 1');
    changeOne(db, "INSERT INTO meta (name, value, sum) VALUES ('floor', '0', 7)");
  });

  daemon = await home.start();
  await until('health says so', cleanFails);
  expect([rows('pending'), rows('secret')]).toEqual([0, 0]);
  await erase('t');
  expect(await cleanFails()).toBe(true);
});
