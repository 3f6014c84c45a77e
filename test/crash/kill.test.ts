import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { TestHome } from '../helpers/daemon.ts';
import { integrityOf } from '../helpers/integrity.ts';
import { runProcess } from '../helpers/processes.ts';
import { clean, judge, readBack, type Acknowledged } from '../helpers/verdict.ts';
import { until } from '../helpers/wait.ts';
import type { Report } from './writer-process.ts';

// Invariant: SIGKILL of the daemon at any moment loses nothing acknowledged, repeats nothing, reorders nothing, and
// no application notices: its call only takes longer. It says nothing of a power cut: the kernel keeps its cache.

const writers = 16;
const kills = Number(process.env['HOLDFAST_KILLS'] ?? 20);
const writer = join(import.meta.dirname, 'writer-process.ts');
const sessions = [
  ...Array.from({ length: writers }, (_, index) => `own-${index}`),
  ...Array.from({ length: 4 }, (_, index) => `shared-${index}`),
];

describe('acceptance 3: the daemon is killed while 16 processes write', () => {
  it(
    `${kills} kills: nothing lost, nothing twice, nothing reordered, no error`,
    async () => {
      await using home = new TestHome();
      let daemon = await home.start();
      const client = home.client({ app: 'load' });
      for (const id of sessions) await client.sessions.create({ id });

      const acknowledged: Acknowledged[] = [];
      const errors: string[] = [];
      const processes = Array.from({ length: writers }, (_, index) => {
        const process = runProcess<Report>(writer, [String(index)], { HOLDFAST_HOME: home.home });
        process.child.on('message', (report: Report) => {
          if ('error' in report) errors.push(report.error);
          else acknowledged.push(report);
        });
        return process;
      });

      for (let kill = 0; kill < kills && errors.length === 0; kill++) {
        const enough = acknowledged.length + 1 + Math.floor(Math.random() * 200);
        await until(
          `writes go on after kill ${kill}`,
          () => acknowledged.length >= enough || errors.length > 0,
          30_000,
        );
        expect(await daemon.end('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' });
        daemon = await home.start();
      }
      for (const { child } of processes) child.send('stop');
      await Promise.all(processes.map(({ done }) => done));

      expect(errors).toEqual([]);
      expect(judge(acknowledged, await readBack(client, sessions))).toEqual(clean);
      expect(await daemon.end('SIGTERM')).toEqual({ code: 0, signal: null });
      expect(integrityOf(home.paths.database)).toBe('ok');
      expect(new Set(acknowledged.map((write) => ('feed' in write ? 'feed' : write.session))).size).toBe(
        sessions.length + 1,
      );
    },
    60_000 + kills * 3_000,
  );

  it('red control: the check reports a loss, a duplicate, a wrong order and a gap', async () => {
    await using home = new TestHome();
    const daemon = await home.start();
    const client = home.client();
    const acknowledged: Acknowledged[] = [];
    const append = async (n: number) => {
      await client.sessions.append({ id: 's', messages: [{ writer: 0, n }] });
      acknowledged.push({ session: 's', writer: 0, n });
    };
    await client.sessions.create({ id: 's' });
    for (let n = 1; n <= 5; n++) await append(n);
    await client.feeds.put({ name: 'feed', url: 'https://example.org/' });
    acknowledged.push({ feed: 'feed' });
    expect(judge(acknowledged, await readBack(client, ['s']))).toEqual(clean);

    await append(9);
    await append(8);
    await append(5);
    await daemon.end();
    const db = new DatabaseSync(home.paths.database);
    db.exec("DELETE FROM log WHERE kind = 'message' AND seq = 3; DELETE FROM feed;");
    db.close();
    await home.start();
    expect(judge(acknowledged, await readBack(client, ['s']))).toMatchObject({
      lost: ['s: writer 0, n 3', 'feed'],
      duplicated: ['s: writer 0, n 5'],
      disordered: ['s: writer 0, n 8'],
      damaged: ['s: seq 3'],
    });
    const gap = new Map([['s', [{ seq: 2, writer: 0, n: 1 }]]]);
    expect(judge([], { sessions: gap, feeds: [] }).gaps).toEqual(['s: seq 2 is message 1']);
  });
});
