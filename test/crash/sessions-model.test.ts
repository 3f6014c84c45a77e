import { DatabaseSync } from 'node:sqlite';
import { expect, it } from 'vitest';
import { TestHome } from '../helpers/daemon.ts';
import { integrityOf } from '../helpers/integrity.ts';
import { Actor } from '../helpers/model-actor.ts';
import { Group } from '../helpers/model-group.ts';
import { Random } from '../helpers/model-random.ts';
import { demand, seed, stepCount, stepsOf, timeFor, walkThrough } from '../helpers/model-run.ts';
import { until } from '../helpers/wait.ts';

// Invariant: SIGKILL at any moment changes nothing that an instance can see. Its call takes longer, happens once, and
// everything read before and after is as a model says that knows of no kill.

const steps = stepCount(250);
const kills = Math.max(4, Math.ceil(steps / 60));

it(
  `seed ${seed}: ${kills} kills while instances use sessions, alone and several at once, and nothing differs from the model`,
  async () => {
    await using home = new TestHome();
    let daemon = await home.start();
    const random = new Random(seed);
    const client = (app: string) => home.client({ app, deadlineMs: 60_000 });
    const walkers = [new Actor(client('a')), new Actor(client('b')), new Group([1, 2, 3].map(() => client('c')))];
    const progress = { taken: 0, ended: 0 };
    const runs = walkers.map(async (walker) => {
      const all = stepsOf(random, steps);
      const flaws = await walkThrough(walker, all, () => (progress.taken += 1)).finally(() => (progress.ended += 1));
      await demand(flaws, walker, all);
    });
    const results = Promise.allSettled(runs);
    const share = (steps * walkers.length) / (kills + 1);
    let killed = 0;
    for (let kill = 1; kill <= kills && progress.ended < walkers.length; kill++) {
      const goal = (kill - random.next()) * share;
      await until('the instances go on', () => progress.taken >= goal || progress.ended === walkers.length, 60_000);
      await daemon.end('SIGKILL');
      killed += 1;
      daemon = await home.start();
    }
    for (const result of await results) if (result.status === 'rejected') throw result.reason;
    expect(killed).toBeGreaterThan(1);

    await daemon.end('SIGKILL');
    daemon = await home.start();
    for (const walker of walkers) expect(await walker.all()).toEqual([]);
    expect(await daemon.end()).toEqual({ code: 0, signal: null });
    expect(integrityOf(home.paths.database)).toBe('ok');
  },
  timeFor(steps),
);

it.each([
  [
    'a message',
    "DELETE FROM log WHERE position = (SELECT max(position) FROM log WHERE branch IS NOT NULL AND app = 'a')",
  ],
  ['a delivery', 'DELETE FROM delivery'],
])('red control: %s that a kill had lost would be told', async (_, sql) => {
  await using home = new TestHome();
  const daemon = await home.start();
  const walker = new Actor(home.client({ app: 'a' }));
  expect(await walkThrough(walker, stepsOf(new Random(3), 120))).toEqual([]);
  await daemon.end('SIGKILL');
  const db = new DatabaseSync(home.paths.database);
  const { changes } = db.prepare(sql).run();
  db.close();
  expect(changes).toBeGreaterThan(0);
  await home.start();
  expect(await walker.all()).not.toEqual([]);
});
