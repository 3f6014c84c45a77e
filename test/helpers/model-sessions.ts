import type { JsonObject } from '../../shared/json.ts';
import { revision } from './model-answers.ts';
import { findSession, Refused, type Session, type State } from './model.ts';

/** What the caller says of a session, as the model keeps it; what is absent is cleared, but for when it was made. */
export function about(input: {
  title?: string | undefined;
  model?: string | undefined;
  workingDirectory?: string | undefined;
  metadata?: object | undefined;
  createdAt?: string | undefined;
}) {
  const { title = null, model = null, workingDirectory = null, metadata = {} } = input;
  const createdAt = input.createdAt && { createdAt: new Date(input.createdAt).toISOString() };
  return { title, model, workingDirectory, metadata: JSON.stringify(metadata), ...createdAt };
}

export function newSession(state: State, id: string | undefined, fields: Partial<Session>): Session {
  const session: Session = {
    // One that holdfast makes is told by the answer.
    id: id?.normalize('NFC') ?? '',
    title: null,
    model: null,
    workingDirectory: null,
    status: 'active',
    metadata: '{}',
    messages: [],
    generation: 0,
    inputTokens: 0,
    outputTokens: 0,
    costNanoUsd: 0,
    forkedFrom: null,
    lease: null,
    draft: null,
    number: (state.made += 1),
    createdAt: undefined,
    updatedAt: undefined,
    deletedAt: null,
    revision: undefined,
    earlier: undefined,
    ...fields,
  };
  state.live.push(session);
  return session;
}

/** Refuses an id that a session has. */
export function exists(state: State, id: string): void {
  const session = findSession(state, id);
  if (session) throw new Refused('exists', currentOf(session));
}

/** The revision as an error tells it: any, if the model was not told it yet. */
const currentOf = (session: Session) => ({ current: (session.revision ?? revision(session)) as string });

export function guardRevision(session: Session, expected: string | undefined): void {
  if (expected !== undefined && expected !== session.revision) throw new Refused('stale', currentOf(session));
}
export const taken = (session: Session) => new Refused('exists', currentOf(session));

/** Of all the tokens that a session ever had only the newest is good, and while it is, nobody writes without it. */
export function admit({ lease }: Session, token: string | undefined): void {
  const holder = lease ? { owner: lease.owner } : {};
  if (token === undefined && lease) throw new Refused('leased', holder);
  if (token !== undefined && token !== lease?.token) throw new Refused('fenced', holder);
}

/** Makes a change, and gives the session another revision if it was one. */
export function touched(session: Session, change: () => void): Session {
  const before = JSON.stringify(session);
  change();
  if (JSON.stringify(session) === before) return session;
  return Object.assign(session, { earlier: session.revision, revision: undefined, updatedAt: undefined });
}

/** RFC 7396, on the text of the metadata. */
export function merged(text: string, patch: object | null): string {
  const merge = (target: unknown, change: unknown): unknown => {
    if (typeof change !== 'object' || change === null || Array.isArray(change)) return change;
    const isObject = typeof target === 'object' && target !== null && !Array.isArray(target);
    const fields = new Map<string, unknown>(isObject ? Object.entries(target) : []);
    for (const [name, value] of Object.entries(change as JsonObject)) {
      if (value === null) fields.delete(name);
      else fields.set(name, merge(fields.get(name), value));
    }
    return Object.fromEntries(fields);
  };
  return JSON.stringify(merge(JSON.parse(text), patch) ?? {});
}
