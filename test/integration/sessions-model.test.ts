import { join } from 'node:path';
import { expect, it } from 'vitest';
import { TestHome } from '../helpers/daemon.ts';
import { Actor } from '../helpers/model-actor.ts';
import { Group } from '../helpers/model-group.ts';
import { lossySocket } from '../helpers/model-lossy.ts';
import { Random } from '../helpers/model-random.ts';
import { demand, seed, stepCount, stepsOf, timeFor, walkThrough } from '../helpers/model-run.ts';

// Acceptance 7 of sessions: whatever instances do with sessions, holdfast answers and keeps what a model of plain lists
// does. HOLDFAST_MODEL_STEPS makes it a soak; HOLDFAST_MODEL_SEED repeats a run.

const steps = stepCount(250);

it(
  `seed ${seed}: instances of four applications, and three of a fifth at once, do as the model says, also after a restart`,
  async () => {
    await using home = new TestHome();
    const daemon = await home.start();
    const random = new Random(seed);
    const client = (app: string) => home.client({ app });
    const actors = ['a', 'b', 'c', 'd'].map((app) => ({
      walker: new Actor(client(app)),
      steps: stepsOf(random, steps),
    }));
    const group = { walker: new Group([1, 2, 3].map(() => client('e'))), steps: stepsOf(random, steps / 2) };
    const runs = [...actors, group];
    const flaws = await Promise.all(runs.map((run) => walkThrough(run.walker, run.steps)));
    let again = 0;
    for (const [index, run] of runs.entries()) {
      const fresh = () => new Actor(client(`again-${(again += 1)}`));
      await demand(flaws[index] ?? [], run.walker, run.steps, run === group ? undefined : fresh);
    }

    await daemon.end();
    await home.start();
    for (const { walker } of runs) expect(await walker.all()).toEqual([]);
  },
  timeFor(steps),
);

it(
  `seed ${seed}: lost requests and lost answers change nothing`,
  async () => {
    await using home = new TestHome();
    await home.start();
    const random = new Random(seed);
    const socket = join(home.home, 'lossy.sock');
    await using lossy = await lossySocket(socket, home.paths.socket, random, 0.1);
    const walker = new Actor(home.client({ socket }));
    const all = stepsOf(random, steps);
    await demand(await walkThrough(walker, all), walker, all);
    expect(Math.min(lossy.counts.requests, lossy.counts.answers)).toBeGreaterThan(0);
  },
  timeFor(steps),
);
