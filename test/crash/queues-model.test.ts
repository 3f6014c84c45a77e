import { expect, it } from 'vitest';
import { TestHome } from '../helpers/daemon.ts';
import { Random } from '../helpers/model-random.ts';
import { demand, seed, stepCount, stepsOf, timeFor, walkThrough } from '../helpers/model-run.ts';
import { without } from '../helpers/model.ts';
import { queueRules, type QueueRules } from '../helpers/queue-rules.ts';
import { QueueWalker } from '../helpers/queue-walker.ts';
import { until } from '../helpers/wait.ts';

// Acceptance 4 of the plain records, for queues: whatever instances do with them, holdfast answers and keeps what a model of
// plain lists does, over any number of kills. HOLDFAST_MODEL_STEPS makes it a soak; HOLDFAST_MODEL_SEED repeats a run.

const steps = stepCount(120);
const kills = Math.max(2, Math.ceil(steps / 100));

it(
  `seed ${seed}: ${kills} kills while instances use queues, and nothing differs from the model`,
  async () => {
    await using home = new TestHome();
    let daemon = await home.start();
    const random = new Random(seed);
    const client = (app: string) => home.client({ app, deadlineMs: 60_000 });
    const walkers = ['a', 'b', 'c'].map((app) => new QueueWalker(client(app)));
    const progress = { taken: 0, ended: 0 };
    const runs = walkers.map(async (walker) => {
      const all = stepsOf(random, steps);
      const flaws = await walkThrough(walker, all, () => (progress.taken += 1)).finally(() => (progress.ended += 1));
      let again = 0;
      await demand(flaws, walker, all, () => new QueueWalker(client(`again-${(again += 1)}`)));
    });
    const results = Promise.allSettled(runs);
    for (let kill = 1; kill <= kills && progress.ended < walkers.length; kill++) {
      const goal = (kill - random.next()) * ((steps * walkers.length) / (kills + 1));
      await until('they go on', () => progress.taken >= goal || progress.ended === walkers.length, 60_000);
      await daemon.end('SIGKILL');
      daemon = await home.start();
    }
    for (const result of await results) if (result.status === 'rejected') throw result.reason;
    for (const walker of walkers) expect(await walker.all()).toEqual([]);
  },
  timeFor(steps),
);

const { add, claim, ack, nack, edit, clear, requeue, reorder } = queueRules;
const broken: [string, Partial<QueueRules>][] = [
  ['urgent ones wait their turn', { claim: byAge(claim) }],
  ['what is added is normal', { add: (queue, input) => add(queue, without(input, 'priority')) }],
  ['a claim of the past is good', { ack: (queue, input) => ack(queue, { ...input, claim: newest(queue, input.id) }) }],
  ['an edit changes nothing', { edit: (queue, input) => edit(structuredClone(queue), input) }],
  ['a message that is given back has no reason', { nack: (queue, input) => nack(queue, without(input, 'reason')) }],
  ['a clear takes the dead ones too', { clear: (queue, input) => clear(queue, { ...input, dead: !input.dead }) }],
  ['a requeued message is in its old place', { requeue: keepingPlace(requeue) }],
  ['nothing is reordered', { reorder: (queue, input) => reorder(structuredClone(queue), input) }],
  ['nothing dies', { claim: (queue, input) => claim(queue, without(input, 'maxAttempts')) }],
];

/** As if all had the same priority. */
function byAge(rule: typeof claim): typeof claim {
  return (queue, input) => {
    const before = queue.messages.map((message) => [message, message.priority] as const);
    for (const message of queue.messages) message.priority = 'normal';
    const answer = rule(queue, input);
    for (const [message, priority] of before) message.priority = priority;
    return answer;
  };
}
function newest(queue: Parameters<typeof ack>[0], id: string): string {
  return queue.messages.find((message) => message.id === id)?.claim ?? '';
}
function keepingPlace(rule: typeof requeue): typeof requeue {
  return (queue, input) => {
    const place = queue.messages.find((message) => message.id === input.id)?.place ?? 0;
    const answer = rule(queue, input);
    for (const message of queue.messages) if (message.id === input.id) message.place = place;
    return answer;
  };
}

it('red control: a model with one rule broken is contradicted', async () => {
  await using home = new TestHome();
  await home.start();
  const all = stepsOf(new Random(3), 250);
  expect(await walkThrough(new QueueWalker(home.client({ app: 'right' })), all)).toEqual([]);
  for (const [index, [name, rules]] of broken.entries()) {
    const walker = new QueueWalker(home.client({ app: `broken-${index}` }), { ...queueRules, ...rules });
    expect([name, (await walkThrough(walker, all)).length > 0]).toEqual([name, true]);
  }
});
