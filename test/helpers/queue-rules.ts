// What a queue is, said in plain lists: no time passes here but that of claims which are over at once.

export interface Message {
  id: string;
  priority: 'urgent' | 'normal' | 'low';
  group: string | null;
  body: { n: number };
  place: number;
  attempts: number;
  maxAttempts: number | null;
  hidden: 'claimed' | 'delayed' | null;
  /** The newest claim, while it is good. */
  claim: string | null;
  reason: string | null;
}

export interface Queue {
  messages: Message[];
  /** Claims that were good once. */
  old: string[];
  places: number;
}
export const emptyQueue = (): Queue => ({ messages: [], old: [], places: 0 });

export interface Input {
  id: string;
  ids: string[];
  priority?: Message['priority'];
  group?: string;
  later?: boolean;
  n: number;
  claim?: string;
  max: number;
  maxAttempts?: number;
  /** A claim whose time is over at once. */
  short?: boolean;
  delay?: boolean;
  reason?: string;
  dead?: boolean;
}

/** Refused, with this code. */
export class Refused {
  readonly code: string;
  constructor(code: string) {
    this.code = code;
  }
}

/** Changes the queue as the call would; answers what is told of it, or why it is refused. */
type Rule = (queue: Queue, input: Input) => unknown;

const weight = { urgent: 0, normal: 1, low: 2 };
export const inOrder = (messages: Message[]) =>
  messages.toSorted((a, b) => weight[a.priority] - weight[b.priority] || a.place - b.place);

export function stateOf({ hidden, attempts, maxAttempts }: Message): string {
  return hidden ?? (maxAttempts !== null && attempts >= maxAttempts ? 'dead' : 'ready');
}

const found = (queue: Queue, id: string) => queue.messages.find((message) => message.id === id);

/** The message, for the one who holds it. */
function held(queue: Queue, { id, claim }: Input): Message | Refused {
  const message = found(queue, id);
  if (!message) return new Refused('not_found');
  return message.claim === null || message.claim !== claim ? new Refused('fenced') : message;
}
const drop = (queue: Queue, gone: Message[]) => {
  queue.messages = queue.messages.filter((message) => !gone.includes(message));
};

export const queueRules = {
  add: (queue, { id, priority = 'normal', group = null, later, n }) => {
    if (found(queue, id)) return new Refused('exists');
    const none = { attempts: 0, maxAttempts: null, claim: null, reason: null };
    const hidden = later === true ? ('delayed' as const) : null;
    queue.messages.push({ id, priority, group, body: { n }, place: ++queue.places, hidden, ...none });
    return [id];
  },
  edit: (queue, input) => {
    const message = input.claim === undefined ? found(queue, input.id) : held(queue, input);
    if (message instanceof Refused || !message) return message ?? new Refused('not_found');
    if (input.claim === undefined) {
      if (message.hidden === 'claimed') return new Refused('leased');
      message.claim = null;
    } else if (input.later !== undefined) return new Refused('invalid_input');
    message.body = { n: input.n };
    if (input.priority) message.priority = input.priority;
    if (input.group !== undefined) message.group = input.group;
    if (input.later !== undefined) message.hidden = input.later ? 'delayed' : null;
    return [message.id];
  },
  remove: (queue, { id }) => {
    const message = found(queue, id);
    if (!message) return new Refused('not_found');
    if (message.hidden === 'claimed') return new Refused('leased');
    drop(queue, [message]);
    return [id];
  },
  reorder: (queue, { ids }) => {
    const named = ids.map((id) => found(queue, id));
    const all = named.filter((message) => message !== undefined);
    if (all.length < named.length) return new Refused('not_found');
    const [first] = all;
    if (all.some(({ group, priority }) => group !== first?.group || priority !== first.priority)) {
      return new Refused('invalid_input');
    }
    const places = all.map(({ place }) => place).toSorted((a, b) => a - b);
    all.forEach((message, index) => (message.place = places[index] ?? 0));
    return undefined;
  },
  claim: (queue, { max, group, maxAttempts }) => {
    const ready = queue.messages.filter(
      (message) => stateOf(message) === 'ready' && (group === undefined || message.group === group),
    );
    const given = inOrder(ready).slice(0, max);
    for (const message of given) {
      message.hidden = 'claimed';
      message.attempts += 1;
      message.maxAttempts = maxAttempts ?? message.maxAttempts;
    }
    return given.map(({ id }) => id);
  },
  ack: (queue, input) => {
    const message = held(queue, input);
    if (message instanceof Refused) return message;
    drop(queue, [message]);
    return [message.id];
  },
  nack: (queue, input) => {
    const message = held(queue, input);
    if (message instanceof Refused) return message;
    const hidden = input.delay === true ? 'delayed' : null;
    Object.assign(message, { claim: null, hidden, reason: input.reason ?? null });
    return [message.id];
  },
  requeue: (queue, { id }) => {
    const message = found(queue, id);
    if (!message) return new Refused('not_found');
    if (stateOf(message) === 'dead') {
      const fresh = { attempts: 0, maxAttempts: null, claim: null, reason: null };
      Object.assign(message, fresh, { place: ++queue.places });
    }
    return [id];
  },
  clear: (queue, { dead, group }) => {
    const mine = queue.messages.filter((message) => group === undefined || message.group === group);
    const wanted = dead === true ? ['dead'] : ['ready', 'delayed'];
    const gone = mine.filter((message) => wanted.includes(stateOf(message)));
    drop(queue, gone);
    return gone.length;
  },
} satisfies Record<string, Rule>;

export type Op = keyof typeof queueRules;
export type QueueRules = Record<Op, Rule>;
