import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestHome } from '../helpers/daemon.ts';
import { Actor } from '../helpers/model-actor.ts';
import { brokenRules, forgetful, tamperings } from '../helpers/model-broken.ts';
import { Group, statesAfter } from '../helpers/model-group.ts';
import { lossySocket } from '../helpers/model-lossy.ts';
import { Random } from '../helpers/model-random.ts';
import { rules } from '../helpers/model-rules.ts';
import { shortened, stepsOf, walkThrough } from '../helpers/model-run.ts';
import { emptyState, type Call } from '../helpers/model.ts';

// Red controls of the comparison with the model: whatever is wrong on either side must show.

describe('red control of the model', () => {
  let home: TestHome;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  let apps = 0;
  const client = () => home.client({ app: `app-${(apps += 1)}` });
  const steps = stepsOf(new Random(5), 600);

  it('the model as it is is not contradicted by the same calls', async () => {
    expect(await walkThrough(new Actor(client()), steps)).toEqual([]);
  });

  it.each(brokenRules)('%s: a model that says so is contradicted', async (_, broken) => {
    expect(await walkThrough(new Actor(client(), { ...rules, ...broken }), steps)).not.toEqual([]);
  });

  it.each(tamperings)('%s: the model contradicts', async (_, tampered) => {
    expect(await walkThrough(new Actor(tampered(client())), steps)).not.toEqual([]);
  });

  it.each(brokenRules.slice(0, 2))('%s: is found among instances at once too', async (_, broken) => {
    const app = `app-${(apps += 1)}`;
    const clients = [home.client({ app }), home.client({ app })];
    expect(await walkThrough(new Group(clients, { ...rules, ...broken }), steps)).not.toEqual([]);
  });

  it('outcomes that no order of the calls explains are not explained', () => {
    const call: Call = { op: 'sessions.abandon', input: { idleMs: 0, dryRun: true } };
    const found = (...abandoned: string[]) => ({ call, outcome: { answer: { abandoned, leased: [], damaged: [] } } });
    expect(statesAfter(rules, emptyState(), [found(), found()])).toHaveLength(1);
    expect(statesAfter(rules, emptyState(), [found(), found('a')])).toEqual([]);
  });

  it('a retry without its key is found out', async () => {
    const random = new Random(5);
    const socket = join(home.home, 'lossy.sock');
    await using lossy = await lossySocket(socket, home.paths.socket, random, 0.3);
    const app = `app-${(apps += 1)}`;
    const walker = new Actor(forgetful(home.client({ app, socket }), socket, app));
    expect(await walkThrough(walker, steps)).not.toEqual([]);
    expect(lossy.counts.answers).toBeGreaterThan(0);
  });

  it('a run that fails is told in few of its steps', async () => {
    const [[, broken] = ['', {}]] = brokenRules;
    const fails = async (fewer: number[]) =>
      (await walkThrough(new Actor(client(), { ...rules, ...broken }), fewer)).length > 0;
    const few = await shortened(steps, fails);
    expect(await fails(few)).toBe(true);
    expect(few.length).toBeLessThan(40);
  });
});
