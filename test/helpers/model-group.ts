import { uuidv7, type Client } from '../../client/index.ts';
import { learnIds, perform, told } from './model-actor.ts';
import { judge, mismatches, type Outcome } from './model-answers.ts';
import { nextCall } from './model-calls.ts';
import { readAll } from './model-reads.ts';
import { rules as right } from './model-rules.ts';
import type { Walker } from './model-run.ts';
import { emptyState, predict, type Call, type Rules, type State } from './model.ts';
import { Random } from './model-random.ts';

interface Made {
  call: Call;
  outcome: Outcome;
}

/**
 * Instances of one application that call at the same time, mostly about the same session. Invariant: the calls have
 * the outcomes of some order in which they could have come one after the other.
 */
export class Group implements Walker {
  state: State = emptyState();
  readonly trace: string[] = [];
  readonly #clients: Client[];
  readonly #rules: Rules;

  constructor(clients: Client[], rules: Rules = right) {
    this.#clients = clients;
    this.#rules = rules;
  }

  /** A call of every instance, all at once; answers what no order explains. */
  async step(seed: number): Promise<string[]> {
    const random = new Random(seed);
    const focus = random.pick(this.state.live);
    const made = await Promise.all(
      this.#clients.map(async (client) => {
        const call = nextCall(random, this.state, random.chance(0.75) ? focus : undefined);
        return random.chance(0.1) ? this.#twice(client, call) : [{ call, outcome: await perform(client, call) }];
      }),
    );
    const calls = made.flat().toSorted((one, other) => positionOf(one) - positionOf(other));
    this.trace.push('at once:', ...calls.map(({ call, outcome }) => told(call, outcome)));
    const possible = statesAfter(this.#rules, this.state, calls);
    if (possible.length === 0) {
      return ['no order of these calls explains their outcomes', ...firstFlaws(this.#rules, this.state, calls)];
    }
    return this.#choose(possible);
  }

  /** Goes on with the state that can be read: outcomes may leave open which call was the last. */
  async #choose(possible: State[]): Promise<string[]> {
    const [client] = this.#clients;
    if (!client) return [];
    let flaws: string[] = [];
    for (const state of possible) {
      flaws = possible.length === 1 ? [] : await readAll(client, state, new Random(1));
      if (flaws.length > 0) continue;
      this.state = state;
      return learnIds(client, state);
    }
    return ['after no order of these calls is the state what can be read', ...flaws];
  }

  readonly all = async () => {
    const found = this.#clients.map((client) => readAll(client, structuredClone(this.state), new Random(1)));
    return (await Promise.all(found)).flat();
  };

  /** One call sent by two at once with one key: it happens once, and both are told. */
  async #twice(client: Client, call: Call): Promise<Made[]> {
    const key = uuidv7();
    const senders = [client, this.#clients.at(-1) ?? client];
    const outcomes = await Promise.all(senders.map((sender) => perform(sender, call, key)));
    const answers = outcomes.flatMap((outcome) => ('answer' in outcome ? [outcome.answer] : []));
    const flaws = answers.length === 2 ? mismatches(answers[1], answers[0]) : [];
    if (flaws.length > 0) throw new Error(`one key, two answers: ${flaws.join('; ')}`);
    // One that is refused leaves no key behind, so each refusal is a call of its own.
    const refusals = outcomes.filter((outcome) => 'refused' in outcome);
    return [...refusals, ...answers.slice(0, 1).map((answer) => ({ answer }))].map((outcome) => ({ call, outcome }));
  }
}

/**
 * Where in the log a call took place, as its revision tells: which of two sessions is older shows only where their
 * times are the same. What changed nothing comes first.
 */
function positionOf({ outcome }: Made): number {
  const { revision, token } = ('answer' in outcome ? outcome.answer : {}) as { revision?: string; token?: string };
  return Number((revision ?? token)?.split('.').at(-1) ?? 0);
}

/** The states after the calls, in every order in which the model explains all outcomes. */
export function statesAfter(rules: Rules, state: State, calls: Made[]): State[] {
  if (calls.length === 0) return [state];
  const found = new Map<string, State>();
  for (const [index, { call, outcome }] of calls.entries()) {
    const prediction = predict(rules, state, call);
    if (judge(prediction, outcome).length > 0) continue;
    const states = statesAfter(rules, prediction.next, calls.toSpliced(index, 1));
    for (const next of states) found.set(JSON.stringify(next), next);
    // A refusal that can have come now need not be tried later: it changes nothing.
    if (prediction.refused) break;
  }
  return [...found.values()];
}

const firstFlaws = (rules: Rules, state: State, calls: Made[]) =>
  calls.flatMap(({ call, outcome }) => judge(predict(rules, state, call), outcome).map((flaw) => `${call.op} ${flaw}`));
