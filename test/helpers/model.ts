import type { Client } from '../../client/index.ts';
import type { ErrorCode, ErrorDetails, Holder } from '../../shared/errors.ts';
import type { JsonObject } from '../../shared/json.ts';

// What one application keeps in its sessions, written down as simply as can be: every session has all of its messages
// in a list, and a fork copies it. The rules in model-rules.ts say what each call does to this.

export interface Message {
  /** undefined until holdfast has told the id that it made. */
  id: string | undefined;
  /** The application's fields as JSON text. */
  text: string;
  delivery: { delivery: string; reason: string | null; at: string | undefined } | null;
}

export interface Session {
  id: string;
  title: string | null;
  model: string | null;
  workingDirectory: string | null;
  status: string;
  /** JSON text. */
  metadata: string;
  messages: Message[];
  generation: number;
  inputTokens: number;
  outputTokens: number;
  costNanoUsd: number;
  forkedFrom: { id: string; upTo: number } | null;
  /** The one that lives; none ever ends by time here. */
  lease: { token: string | undefined; owner: string; since: string | undefined } | null;
  draft: { text: string; metadata: string; revision: string | undefined } | null;
  /** Place among all that were ever made. */
  number: number;
  // What holdfast gives: undefined until it has told.
  createdAt: string | undefined;
  updatedAt: string | undefined;
  deletedAt: string | null | undefined;
  revision: string | undefined;
  /** The revision before the last change, which no later one may be. */
  earlier: string | undefined;
}

export interface State {
  live: Session[];
  /** Those that can be restored, the one deleted last at the end. */
  deleted: Session[];
  made: number;
  /** Every token that was ever given. */
  tokens: string[];
}

export const emptyState = (): State => ({ live: [], deleted: [], made: 0, tokens: [] });

type Verbs = {
  sessions: 'create' | 'update' | 'append' | 'replace' | 'fork' | 'delete' | 'restore' | 'abandon' | 'setDelivery';
  leases: 'acquire' | 'release';
  drafts: 'put' | 'delete';
};
type InputFor<Method> = Method extends (input: infer Input, ...rest: never[]) => unknown ? NonNullable<Input> : never;
type CallOf<Kind extends keyof Verbs> = {
  [Verb in Verbs[Kind]]: { op: `${Kind}.${Verb}`; input: InputFor<Client[Kind][Verb & keyof Client[Kind]]> };
}[Verbs[Kind]];

/** A write as data. */
export type Call = CallOf<'sessions'> | CallOf<'leases'> | CallOf<'drafts'>;
export type Input<Op extends Call['op']> = Extract<Call, { op: Op }>['input'];

/** Each changes the state, and answers what the call must: a function in it judges a value that holdfast gives. */
export type Rules = { readonly [Op in Call['op']]: (state: State, input: Input<Op>) => unknown };

/** How the model refuses a call. */
export class Refused extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails & { owner?: Holder['owner'] };

  constructor(code: ErrorCode, details: Refused['details'] = {}) {
    super(code);
    this.code = code;
    this.details = details;
  }
}

export interface Expected {
  answer?: unknown;
  refused?: Refused;
}
export interface Prediction extends Expected {
  /** The state after the call. */
  next: State;
}

/** What a call should do. The state given stays as it is. */
export function predict(rules: Rules, state: State, { op, input }: Call): Prediction {
  const next = structuredClone(state);
  const rule = rules[op] as (state: State, input: Call['input']) => unknown;
  const expected = expecting(() => rule(next, input));
  return { ...expected, next: expected.refused ? state : next };
}

/** What should come of something, where the model may refuse it. */
export function expecting(expected: () => unknown): Expected {
  try {
    return { answer: expected() };
  } catch (error) {
    if (error instanceof Refused) return { refused: error };
    throw error;
  }
}

export const findSession = ({ live }: State, id: string) => live.find((one) => one.id === id.normalize('NFC'));

export function sessionOf(state: State, id: string): Session {
  const session = findSession(state, id);
  if (!session) throw new Refused('not_found');
  return session;
}

/** The same without one field. */
export const without = <T extends object, Name extends keyof T & string>(value: T, name: Name) =>
  Object.fromEntries(Object.entries(value).filter(([each]) => each !== name)) as Omit<T, Name>;

/** The message that an application's JSON makes. */
export function toMessage(given: object): Message {
  const { id } = given as { id?: string };
  return { id: id?.normalize('NFC'), text: JSON.stringify(without(given as { id?: string }, 'id')), delivery: null };
}

/** The same, as it is answered. */
export const shown = ({ id, text }: Message, seq: number): JsonObject =>
  JSON.parse(JSON.stringify({ id, seq }).slice(0, -1) + (text === '{}' ? '}' : `,${text.slice(1)}`)) as JsonObject;
