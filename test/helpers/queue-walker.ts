import { HoldfastError, uuidv7, type Client } from '../../client/index.ts';
import { mismatches } from './model-answers.ts';
import { Random } from './model-random.ts';
import type { Walker } from './model-run.ts';
import {
  emptyQueue,
  inOrder,
  queueRules,
  Refused,
  stateOf,
  type Input,
  type Op,
  type Queue,
  type QueueRules,
} from './queue-rules.ts';
import { until } from './wait.ts';

const queue = 'q';
const never = '2999-01-01T00:00:00.000Z';
const long = 86_400_000;
const weights: [Op, number][] = [
  ['add', 7],
  ['edit', 5],
  ['remove', 1],
  ['reorder', 2],
  ['claim', 6],
  ['ack', 4],
  ['nack', 4],
  ['requeue', 2],
  ['clear', 0.5],
];

/** Uses a queue that it has to itself, and compares all of it with the model after each call. */
export class QueueWalker implements Walker {
  state: Queue = emptyQueue();
  readonly trace: string[] = [];
  readonly #client: Client;
  readonly #rules: QueueRules;

  constructor(client: Client, rules: QueueRules = queueRules) {
    this.#client = client;
    this.#rules = rules;
  }

  async step(seed: number): Promise<string[]> {
    const random = new Random(seed);
    const op = random.weighted(weights);
    const input = this.#input(random, op);
    const expected = this.#rules[op](this.state, input);
    const key = uuidv7();
    const answer = await this.#call(op, input, key);
    this.trace.push(`${op} ${JSON.stringify(input)} -> ${JSON.stringify(answer)}`);
    if (!(answer instanceof Refused) && random.chance(0.1)) {
      const again = mismatches(await this.#call(op, input, key), answer);
      if (again.length > 0) return ['the same key was answered otherwise', ...again];
    }
    const flaws = mismatches(answer, expected);
    return flaws.length > 0 ? flaws : this.all();
  }

  /** What can be read of the queue, beside the model. */
  readonly all = async (): Promise<string[]> => {
    const read = [{}, { state: 'dead' as const }].map((filter) =>
      this.#client.queues.list({ queue, limit: 1000, ...filter }),
    );
    const items = (await Promise.all(read)).flatMap((page) => page.items);
    const seen = items.map((item) => {
      if ('damaged' in item) return item;
      const { id, state, priority, group, attempts, maxAttempts, reason, body } = item;
      return { id, state, priority, group, attempts, maxAttempts, reason, body };
    });
    const told = inOrder(this.state.messages).map((message) => {
      const { id, priority, group, attempts, maxAttempts, reason, body } = message;
      return { id, state: stateOf(message), priority, group, attempts, maxAttempts, reason, body };
    });
    const expected = [...told.filter(({ state }) => state !== 'dead'), ...told.filter(({ state }) => state === 'dead')];
    return mismatches(seen, expected);
  };

  /** Mostly of a message with which the call does something. */
  #input(random: Random, op: Op): Input {
    const { messages, old } = this.state;
    const ids = 'abcdefghijkl'.split('');
    const apt = messages.filter((message) =>
      op === 'requeue' ? stateOf(message) === 'dead' : !['ack', 'nack'].includes(op) || message.claim !== null,
    );
    const known = random.chance(op === 'add' ? 0.1 : 0.85);
    const some = known ? random.pick(apt.length > 0 && random.chance(0.8) ? apt : messages) : undefined;
    const id = some?.id ?? random.pick(ids) ?? '';
    const claim = random.chance(0.8) ? some?.claim : random.pick([...old, 'nonsense']);
    const one = random.pick(messages);
    const like = messages.filter((other) => other.group === one?.group && other.priority === one.priority);
    const named = (random.chance(0.8) && like.length > 0 ? like : messages).map((message) => message.id);
    return {
      id,
      ids: named.length > 0 ? named.toSorted(() => random.next() - 0.5) : [id],
      ...random.maybe(0.4, 'priority', random.pick(['urgent', 'normal', 'low'] as const)),
      ...random.maybe(0.3, 'group', random.pick(['g', 'h'] as const)),
      ...random.maybe(0.15, 'later', random.chance(0.6)),
      n: random.upTo(99),
      ...(claim != null && random.chance(0.7) && { claim }),
      max: 1 + random.upTo(2),
      ...random.maybe(0.4, 'maxAttempts', 1 + random.upTo(2)),
      ...random.maybe(0.6, 'short', true),
      ...random.maybe(0.2, 'delay', true),
      ...random.maybe(0.3, 'reason', 'why'),
      ...random.maybe(0.3, 'dead', true),
    };
  }

  async #call(op: Op, input: Input, key: string): Promise<unknown> {
    try {
      return await this.#calls[op](input, { key });
    } catch (error) {
      if (error instanceof HoldfastError && !error.retryable) return new Refused(error.code);
      throw error;
    }
  }

  readonly #calls: Record<Op, (input: Input, options: { key: string }) => Promise<unknown>> = {
    add: async ({ id, priority, group, later, n }, options) => {
      const about = { ...(priority && { priority }), ...(group && { group }), ...(later && { notBefore: never }) };
      return [(await this.#client.queues.add({ queue, id, body: { n }, ...about }, options)).id];
    },
    edit: async ({ id, priority, group, later, n, claim }, options) => {
      const when = later === undefined ? {} : { notBefore: later ? never : null };
      const patch = { body: { n }, ...(priority && { priority }), ...(group && { group }), ...when };
      return [(await this.#client.queues.edit({ queue, id, patch, ...(claim && { claim }) }, options)).id];
    },
    remove: async ({ id }, options) => [(await this.#client.queues.remove({ queue, id }, options)).id],
    reorder: async ({ ids }, options) => void (await this.#client.queues.reorder({ queue, ids }, options)),
    claim: async ({ max, group, maxAttempts, short }, options) => {
      const about = { ...(group && { group }), ...(maxAttempts && { maxAttempts }) };
      const visibilityMs = short ? 1 : long;
      const { items } = await this.#client.queues.claim({ queue, max, visibilityMs, ...about }, options);
      for (const { id, claim } of items) await this.#take(id, claim, short === true);
      return items.map(({ id }) => id);
    },
    ack: async ({ id, claim = '' }, options) => [(await this.#client.queues.ack({ queue, id, claim }, options)).id],
    nack: async ({ id, claim = '', delay, reason }, options) => {
      const about = { ...(delay && { delayMs: 30 * long }), ...(reason && { reason }) };
      return [(await this.#client.queues.nack({ queue, id, claim, ...about }, options)).id];
    },
    requeue: async ({ id }, options) => [(await this.#client.queues.requeue({ queue, id }, options)).id],
    clear: async ({ dead, group }, options) =>
      (await this.#client.queues.clear({ queue, ...(dead && { dead }), ...(group && { group }) }, options)).cleared,
  };

  /** Notes whose claim is the newest; of one that is short, waits until it is over. */
  async #take(id: string, claim: string, short: boolean): Promise<void> {
    const message = this.state.messages.find((other) => other.id === id);
    if (!message) return;
    if (message.claim !== null && message.claim !== claim) this.state.old.push(message.claim);
    message.claim = claim;
    if (!short) return;
    await until(
      'a short claim is over',
      async () => (await this.#client.queues.get({ queue, id })).state !== 'claimed',
      60_000,
    );
    message.hidden = null;
  }
}
