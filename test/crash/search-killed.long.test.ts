import { createHash } from 'node:crypto';
import { existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { curl } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { itemsOf, walk } from '../helpers/pages.ts';
import { until } from '../helpers/wait.ts';

// Invariant: the rows of the index and how far it has come change in one transaction. Killed at any moment, it is an
// index of a prefix of the log, and says of which.

const calls = 12;
const count = calls * 1000;
/** The same words for the same number, spread over all of them. */
const text = (n: number) => {
  const digest = createHash('sha256').update(String(n)).digest('hex');
  return `u${n} w${n % 101} ${digest.match(/.{6}/g)?.join(' ') ?? ''}`;
};
const probes = ['w0', 'w50', 'w100'];
const scan = (upTo: number) =>
  probes.map((probe) => Array.from({ length: upTo }, (_, n) => n).filter((n) => text(n).split(' ').includes(probe)));

async function append(client: Client, part: number) {
  const messages = Array.from({ length: 1000 }, (_, n) => ({ id: `m${part * 1000 + n}`, text: text(part * 1000 + n) }));
  await client.sessions.append({ id: 's', messages }, { key: `part-${part}` });
}

async function found(client: Client, fresh: boolean): Promise<number[][]> {
  const results: number[][] = [];
  for (const q of probes) {
    const pages = await walk((cursor) => client.search.messages({ q, limit: 100, fresh, ...cursor }));
    results.push(
      itemsOf(pages)
        .map(({ seq }) => seq - 1)
        .toSorted((a, b) => a - b),
    );
  }
  return results;
}

const indexOf = (home: TestHome) => join(home.paths.data, 'search.db');

/** How far the index in the file has come, read beside the daemon so that nothing is asked of it. */
function indexedTo(home: TestHome): number {
  if (!existsSync(indexOf(home))) return 0;
  const db = new DatabaseSync(indexOf(home), { readOnly: true, timeout: 5000 });
  try {
    return Number(db.prepare('SELECT indexed_to FROM state').get()?.['indexed_to'] ?? 0);
  } catch {
    // Not made yet.
    return 0;
  } finally {
    db.close();
  }
}

/** A search begins the indexing where nothing is written any more. */
const ask = (client: Client) => client.search.messages({ q: 'w0', limit: 1 });

describe('the daemon is killed while it indexes', () => {
  it('again and again: it goes on where it was, and what it finds is what a scan finds', async () => {
    await using home = new TestHome();
    let daemon = await home.start();
    const client = home.client();
    await client.sessions.create({ id: 's' });
    for (let part = 0; part < calls; part++) await append(client, part);
    const reached: number[] = [];
    for (let kill = 0; kill < 4; kill++) {
      const from = reached.at(-1) ?? 0;
      await ask(client);
      await until('the index comes further', () => indexedTo(home) > from);
      await daemon.end('SIGKILL');
      reached.push(indexedTo(home));
      daemon = await home.start();
    }
    // The kills did come while there was something to do, and nothing was begun anew.
    expect(reached).toEqual(reached.toSorted((a, b) => a - b));
    const { head, ...answer } = await ask(client);
    expect(reached[0]).toBeLessThan(head);
    expect(answer.indexedTo).toBeGreaterThanOrEqual(reached.at(-1) ?? 0);
    expect(await found(client, true)).toEqual(scan(count));
    expect(await daemon.end()).toEqual({ code: 0, signal: null });
    const db = new DatabaseSync(indexOf(home));
    expect(db.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
    db.exec("INSERT INTO message(message) VALUES('integrity-check')");
    db.close();
  });

  it('and what it has indexed by then is the whole beginning of the log', async () => {
    await using home = new TestHome();
    const daemon = await home.start();
    const client = home.client();
    await client.sessions.create({ id: 's' });
    for (let part = 0; part < calls; part++) await append(client, part);
    await ask(client);
    await until('some is indexed', () => indexedTo(home) > 0);
    await daemon.end('SIGKILL');
    const to = indexedTo(home);
    const db = new DatabaseSync(indexOf(home));
    const rowids = (probe: string) =>
      db
        .prepare('SELECT rowid FROM message WHERE message MATCH ? ORDER BY rowid')
        .all(probe)
        .map(({ rowid }) => Number(rowid));
    // Position 1 is the creation of the session.
    expect(probes.map((probe) => rowids(probe).map((position) => position - 2))).toEqual(scan(to - 1));
    db.close();
  });

  it('red control: an index that says it came further than it did is not what a scan finds', async () => {
    await using home = new TestHome();
    const daemon = await home.start();
    const client = home.client();
    await client.sessions.create({ id: 's' });
    await append(client, 0);
    await append(client, 1);
    expect(await found(client, true)).toEqual(scan(2000));
    await daemon.end('SIGKILL');
    const db = new DatabaseSync(indexOf(home));
    db.exec('DELETE FROM message WHERE rowid > 1500');
    db.close();
    await home.start();
    expect(await found(client, true)).not.toEqual(scan(2000));
  });

  it('while others append: everything acknowledged is found', async () => {
    await using home = new TestHome();
    let daemon = await home.start();
    const client = home.client();
    await client.sessions.create({ id: 's' });
    const appending = (async () => {
      for (let part = 0; part < calls; part++) await append(client, part);
    })();
    for (let kill = 0; kill < 3; kill++) {
      await until('something is stored', async () => (await client.sessions.get({ id: 's' })).head > kill * 1000);
      await ask(client);
      await daemon.end('SIGKILL');
      daemon = await home.start();
    }
    await appending;
    expect(await found(client, true)).toEqual(scan(count));
  });
});

describe('the index is damaged while the daemon runs', () => {
  it.each<[string, (path: string) => void]>([
    ['overwritten', (path) => writeFileSync(path, readFileSync(path).fill('garbage '))],
    ['cut off', (path) => truncateSync(path, 4096)],
    [
      'overwritten with its WAL',
      (path) => ['', '-wal'].forEach((part) => writeFileSync(path + part, readFileSync(path + part).fill('garbage '))),
    ],
  ])('%s: a search is right or refused as busy, and then right again', async (_, damage) => {
    await using home = new TestHome();
    const daemon = await home.start();
    const client = home.client();
    await client.sessions.create({ id: 's' });
    for (let part = 0; part < 2; part++) await append(client, part);
    expect(await found(client, true)).toEqual(scan(2000));
    damage(indexOf(home));
    const refusals: string[] = [];
    for (let part = 2; part < calls; part++) {
      await append(client, part);
      const { status, json } = await curl(home.paths.socket, 'GET', '/v1/search?q=w50&limit=1&fresh=true');
      if (status !== 200) refusals.push(`${status} ${(json as { code: string }).code}`);
    }
    expect(refusals.filter((refused) => refused !== '503 busy')).toEqual([]);
    expect(await found(client, true)).toEqual(scan(count));
    await until('the daemon is well again', async () => (await client.system.health()).reasons.length === 0);
    expect(daemon.child.exitCode).toBeNull();
  });
});
