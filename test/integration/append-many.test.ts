import { join } from 'node:path';
import { expect, it } from 'vitest';
import { TestHome } from '../helpers/daemon.ts';
import { itemsOf, walk } from '../helpers/pages.ts';
import { runProcess } from '../helpers/processes.ts';

interface Report {
  pid: number;
  seqs: number[];
}

it('acceptance 2: 100 processes append 100 messages each to one session: all, once, in order, without a gap', async () => {
  await using home = new TestHome();
  await home.start();
  const client = home.client({ app: 'processes' });
  const { id } = await client.sessions.create();

  const module = join(import.meta.dirname, 'append-process.ts');
  const env = { HOLDFAST_HOME: home.home };
  const run = (session = id) => runProcess<Report>(module, [session], env).done;
  // The first leaves the client compiled for the hundred: compiling it would be most of their work.
  await run((await client.sessions.create()).id);
  const reports = (await Promise.all(Array.from({ length: 100 }, () => run()))).flat();
  expect(reports).toHaveLength(100);

  const stored = itemsOf(await walk((cursor) => client.sessions.messages({ id, limit: 1000, ...cursor })));
  expect(stored.map(({ seq }) => seq)).toEqual(Array.from({ length: 10_000 }, (_, index) => index + 1));
  const byProcess = Map.groupBy(stored, ({ pid }) => pid);
  expect(byProcess.size).toBe(100);
  for (const { pid, seqs } of reports) {
    const own = byProcess.get(pid) ?? [];
    expect(own.map(({ n }) => n)).toEqual(Array.from({ length: 100 }, (_, n) => n));
    // What each was told is where its message is.
    expect(own.map(({ seq }) => seq)).toEqual(seqs);
  }
  expect(await client.sessions.get({ id })).toMatchObject({ messageCount: 10_000, inputTokens: 10_000 });
}, 120_000);
