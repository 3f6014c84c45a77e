import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readlinkSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { TestHome } from '../helpers/daemon.ts';
import { diagnose, furnish } from '../helpers/doctor.ts';

// Somebody has moved files of the data directory to another place, and left links: the command that doctor gives takes them
// back, with all that is stored.

const advice = async (home: TestHome) => {
  const found = (await diagnose(home)).filter(({ check }) => check === 'ownership');
  expect(found.every(({ what }) => what.endsWith(' is a link.'))).toBe(true);
  return found.map(({ fix }) => fix ?? '');
};
const follow = (command: string) => execFileSync('sh', ['-c', command], { stdio: 'pipe' });

it('a database that was moved after a kill, with its WAL: what was acknowledged is there again', async () => {
  await using home = new TestHome();
  const daemon = await home.start();
  await home.client().feeds.put({ name: 'in the WAL', url: 'https://example.org/' });
  await daemon.end('SIGKILL');
  const { database, ownerLock, data } = home.paths;
  // Red control: without its WAL, it would be lost.
  expect(readFileSync(database).includes('in the WAL')).toBe(false);
  const away = join(home.home, "somebody's disk");
  mkdirSync(away);
  for (const path of [database, `${database}-wal`, ownerLock]) renameSync(path, path.replace(data, away));
  for (const path of [database, ownerLock]) symlinkSync(path.replace(data, away), path);
  const commands = await advice(home);
  expect(commands).toHaveLength(2);
  for (const command of commands) follow(command);
  expect(await advice(home)).toEqual([]);
  await home.start();
  expect((await home.client().feeds.list()).items).toMatchObject([{ name: 'in the WAL' }]);
});

it('a WAL that lies in the way is kept, and so is a link that leads nowhere', async () => {
  await using home = new TestHome();
  furnish(home);
  const { database, ownerLock } = home.paths;
  const away = join(home.home, 'away.db');
  for (const path of [away, `${away}-wal`, `${database}-wal`]) writeFileSync(path, path);
  symlinkSync(away, database);
  symlinkSync('nowhere', ownerLock);
  for (const command of await advice(home)) follow(command);
  const kept = [database, `${database}-wal`, `${database}-wal.aside`].map((path) => readFileSync(path, 'utf8'));
  expect(kept).toEqual([away, `${away}-wal`, `${database}-wal`]);
  expect(readlinkSync(`${ownerLock}.aside`)).toBe('nowhere');
});
