import { uuidv7, type Client } from '../../client/index.ts';
import { brief, ended, judge, mismatches, type Outcome } from './model-answers.ts';
import { nextCall } from './model-calls.ts';
import { readOn, takeBookmark, type Bookmark } from './model-cursors.ts';
import { read, readAll, readMessages } from './model-reads.ts';
import { rules as right } from './model-rules.ts';
import type { Walker } from './model-run.ts';
import { emptyState, predict, type Call, type Rules, type State } from './model.ts';
import { Random } from './model-random.ts';

type Methods = Record<string, Record<string, (input: object, options: { key: string }) => Promise<unknown>>>;

/** Sends a write, and answers how it ended. */
export function perform(client: Client, { op, input }: Call, key = uuidv7()): Promise<Outcome> {
  const [kind = '', verb = ''] = op.split('.');
  const method = (client as unknown as Methods)[kind]?.[verb];
  if (!method) throw new Error(`there is no operation ${op}`);
  return ended(method(input, { key }));
}

interface Done {
  call: Call;
  key: string;
  answer: unknown;
}
/** Earlier calls that may be sent again, and places that may be read on from. */
const remembered = 30;

/** One application, whose only instance this is: what it does and what it expects. Every step comes from one number. */
export class Actor implements Walker {
  state: State = emptyState();
  /** What was done, for people; the newest is last. */
  readonly trace: string[] = [];
  readonly #client: Client;
  readonly #rules: Rules;
  #done: Done[] = [];
  #bookmarks: Bookmark[] = [];

  constructor(client: Client, rules: Rules = right) {
    this.#client = client;
    this.#rules = rules;
  }

  /** Does one thing; answers what of it was not as the model says. */
  async step(seed: number): Promise<string[]> {
    const random = new Random(seed);
    if (random.chance(0.35)) return this.#read(random, seed);
    const earlier = random.chance(0.1) ? random.pick(this.#done) : undefined;
    if (earlier) return this.#again(earlier, random.chance(0.2));
    return [...(await this.#write(nextCall(random, this.state))), ...(await learnIds(this.#client, this.state))];
  }

  /** Everything that can be read. */
  readonly all = () => readAll(this.#client, this.state, new Random(1));

  async #read(random: Random, seed: number): Promise<string[]> {
    this.trace.push(`a read, by ${seed}`);
    const bookmark = random.chance(0.1) ? random.pick(this.#bookmarks) : undefined;
    if (bookmark) return readOn(this.#client, this.state, bookmark);
    const made = random.chance(0.1) ? await takeBookmark(this.#client, this.state, random) : undefined;
    if (made) this.#bookmarks = [...this.#bookmarks, made].slice(-remembered);
    return read(this.#client, this.state, random);
  }

  async #write(call: Call): Promise<string[]> {
    const key = uuidv7();
    const outcome = await perform(this.#client, call, key);
    this.trace.push(told(call, outcome));
    const prediction = predict(this.#rules, this.state, call);
    const flaws = judge(prediction, outcome);
    this.state = prediction.next;
    if ('answer' in outcome) this.#done = [...this.#done, { call, key, answer: outcome.answer }].slice(-remembered);
    return flaws;
  }

  /** An earlier call once more, which gets its answer once more, or its key with another call, which is refused. */
  async #again({ call, key, answer }: Done, changed: boolean): Promise<string[]> {
    const other = changed && 'id' in call.input;
    const sent = other ? ({ ...call, input: { ...call.input, id: 'other' } } as Call) : call;
    const outcome = await perform(this.#client, sent, key);
    this.trace.push(`with its earlier key: ${told(sent, outcome)}`);
    if ('answer' in outcome) return mismatches(outcome.answer, other ? 'key_reused' : answer);
    return mismatches(outcome.refused.code, other ? 'key_reused' : 'the earlier answer');
  }
}

/** Reads what a replace stored without an id from the application, so that later calls can name it. */
export async function learnIds(client: Client, state: State): Promise<string[]> {
  const unknown = state.live.filter(({ messages }) => messages.some(({ id }) => id === undefined));
  return (await Promise.all(unknown.map(({ id }) => readMessages(client, state, id, { limit: 1000 })))).flat();
}

export function told({ op, input }: Call, outcome: Outcome): string {
  const result = 'answer' in outcome ? brief(outcome.answer) : outcome.refused.code;
  return `${op} ${JSON.stringify(input).slice(0, 600)} -> ${result}`;
}
