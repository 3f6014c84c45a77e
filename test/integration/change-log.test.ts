import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { contract } from '../../shared/contract.ts';
import type { Operation } from '../../shared/operation.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { EventReader } from '../helpers/events.ts';
import { examples, prepare } from '../helpers/examples.ts';
import { changeOne, tamper } from '../helpers/tamper.ts';
import { until } from '../helpers/wait.ts';

// P2.6: the log of changes as an audit, which GET /v1/changes reads.

type Call = (client: Client) => Promise<unknown>;
const writes = Object.entries(contract).flatMap(([group, verbs]) =>
  Object.entries(verbs as Record<string, Operation>)
    .filter(([, { kind }]) => kind === 'write')
    .map(([verb]) => ({
      op: `${group}.${verb}`,
      call: (examples as never as Record<string, Record<string, Call>>)[group]?.[verb],
    })),
);
const all = async (home: TestHome, count: number) => {
  using reader = await EventReader.open(home.paths.socket, '?after=0');
  await reader.count(count);
  return reader.changes;
};

describe('P2.6: change log', () => {
  let home: TestHome;
  let daemon: DaemonProcess;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    daemon = await home.start();
    client = home.client({ client: 'auditor/1' });
    await prepare(client);
  });
  afterAll(() => home[Symbol.asyncDispose]());

  it('every mutation has its entry, with who made it', async () => {
    const missing: string[] = [];
    for (const { op, call } of writes) {
      using reader = await EventReader.open(home.paths.socket);
      await until('it follows', () => reader.lastId);
      await call?.(client);
      // Something that comes for certain, after whatever the call wrote.
      await client.feeds.put({ name: 'mark', url: 'https://example.org/' });
      await until('that has come', () => reader.told.at(-1) === 'feed mark');
      const own = reader.changes.slice(0, -1).filter((change) => change['op'] === op || op === 'batch.run');
      if (own.length === 0) missing.push(op);
      for (const { client: who, pid } of own) expect([op, who, pid]).toEqual([op, 'auditor/1', process.pid]);
    }
    // What these examples ask for is so already: who changes nothing leaves no entry.
    expect(missing.toSorted()).toEqual(['config.revert', 'queues.clear', 'queues.requeue', 'sessions.abandon']);
  });

  it('holds no secret that was stored or taken', async () => {
    const text = JSON.stringify(await all(home, 40));
    expect(text).toContain('auth.put');
    for (const secret of ['example-refresh', 'example-access', 'example-new', 'first-key', 'second-key', 'verifier']) {
      expect(text).not.toContain(secret);
    }
  });

  it('says of an entry that somebody changed that it is damaged, and of no other', async () => {
    const before = await all(home, 40);
    await daemon.end();
    const [{ position } = {}] = before;
    const number = Number(String(position).split('.')[1]);
    tamper(home.paths.database, (db) =>
      changeOne(db, "UPDATE log SET client = 'somebody/2' WHERE position = ?", number),
    );
    daemon = await home.start();
    const after = await all(home, before.length);
    expect(after.filter(({ damaged }) => damaged !== undefined).map((change) => change['position'])).toEqual([
      position,
    ]);
    expect(before.filter(({ damaged }) => damaged !== undefined)).toEqual([]);
  });
});
