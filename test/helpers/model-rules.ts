import { chosen, revision, summary, time, whole } from './model-answers.ts';
import * as messages from './model-messages.ts';
import { findSession, Refused, sessionOf, type Input, type Rules, type Session, type State } from './model.ts';
import { about, admit, exists, guardRevision, merged, newSession, touched } from './model-sessions.ts';

// What each call does, as the contract says it.

const { append, replace, setDelivery } = messages;

function create(state: State, input: Input<'sessions.create'>) {
  if (input.id !== undefined) exists(state, input.id);
  return whole(newSession(state, input.id, { ...about(input), status: input.status ?? 'active' }));
}

function update(state: State, { id, patch, expectedRevision, lease }: Input<'sessions.update'>) {
  const session = sessionOf(state, id);
  admit(session, lease);
  guardRevision(session, expectedRevision);
  const { metadata, ...others } = patch;
  const given = Object.entries(others).filter(([, value]) => value !== undefined);
  return whole(
    touched(session, () => {
      Object.assign(session, Object.fromEntries(given));
      if (metadata !== undefined) session.metadata = merged(session.metadata, metadata);
    }),
  );
}

function fork(state: State, { id, to, upTo, title, expectedGeneration }: Input<'sessions.fork'>) {
  const parent = sessionOf(state, id);
  messages.guardGeneration(parent, expectedGeneration);
  const end = upTo ?? parent.messages.length;
  if (end > parent.messages.length) throw new Refused('invalid_input');
  if (to !== undefined) exists(state, to);
  const { model, workingDirectory, metadata } = parent;
  const made = newSession(state, to, { title: title ?? parent.title, model, workingDirectory, metadata });
  // What became of them is the parent's: the fork may send them again.
  made.messages = parent.messages.slice(0, end).map((message) => ({ ...message, delivery: null }));
  made.forkedFrom = { id: parent.id, upTo: end };
  return summary(made);
}

function remove(state: State, { id, erase, expectedRevision, lease }: Input<'sessions.delete'>) {
  const live = findSession(state, id);
  const isOther = (one: Session) => one.id !== id.normalize('NFC');
  if (!live && erase) {
    if (state.deleted.every(isOther)) throw new Refused('not_found');
    if (expectedRevision !== undefined) throw new Refused('stale');
    state.deleted = state.deleted.filter(isOther);
    return { id: id.normalize('NFC'), revision: (told: unknown) => (typeof told === 'string' ? undefined : 'none') };
  }
  const session = sessionOf(state, id);
  admit(session, lease);
  guardRevision(session, expectedRevision);
  state.live = state.live.filter((one) => one !== session);
  state.deleted = erase ? state.deleted.filter(isOther) : [...state.deleted, session];
  Object.assign(session, { lease: null, deletedAt: undefined, earlier: session.revision, revision: undefined });
  const learn = (actual: unknown) => {
    // It looks like a token, and is none.
    state.tokens.push(String(actual));
    return revision(session)(actual);
  };
  return { id: session.id, revision: learn };
}

function restore(state: State, { id }: Input<'sessions.restore'>) {
  exists(state, id);
  const session = state.deleted.findLast((one) => one.id === id.normalize('NFC'));
  if (!session) throw new Refused('not_found');
  state.deleted = state.deleted.filter((one) => one !== session);
  state.live.push(session);
  return whole(touched(session, () => (session.deletedAt = null)));
}

const idsOf = (sessions: Session[]) => sessions.map(({ id }) => id);

/** Every session is idle for 0 ms, and none for as long as these tests could run. */
function abandon(state: State, { idleMs, dryRun }: Input<'sessions.abandon'>) {
  const idle = state.live
    .filter(({ status }) => status === 'active' && idleMs === 0)
    .toSorted((one, other) => one.number - other.number);
  const free = idle.filter(({ lease }) => !lease);
  if (!dryRun) for (const session of free) touched(session, () => (session.status = 'abandoned'));
  return { abandoned: idsOf(free), leased: idsOf(idle.filter(({ lease }) => lease)), damaged: [] };
}

function acquire(state: State, { id, owner, token, force }: Input<'leases.acquire'>) {
  const session = sessionOf(state, id);
  if (token !== undefined && !force) admit(session, token);
  else if (session.lease && !force) throw new Refused('leased', { owner: session.lease.owner });
  else session.lease = { token: undefined, owner, since: undefined };
  const lease = session.lease ?? { token: undefined, since: undefined };
  Object.assign(lease, { owner });
  const learn = (actual: unknown) => {
    const flaw = chosen(lease, 'token', token === undefined || force ? state.tokens : [])(actual);
    state.tokens = [...new Set([...state.tokens, String(actual)])];
    return flaw;
  };
  return { token: learn, owner, since: chosen(lease, 'since'), expiresAt: time };
}

function release(state: State, { id, token }: Input<'leases.release'>) {
  const session = sessionOf(state, id);
  admit(session, token);
  session.lease = null;
  return { id: session.id };
}

function putDraft(state: State, { id, text, metadata = {}, lease }: Input<'drafts.put'>) {
  const session = sessionOf(state, id);
  admit(session, lease);
  const earlier = session.draft?.revision;
  const draft = { text, metadata: JSON.stringify(metadata), revision: undefined };
  session.draft = draft;
  return { updatedAt: time, revision: chosen(draft, 'revision', [earlier]) };
}

function dropDraft(state: State, { id, lease }: Input<'drafts.delete'>) {
  const session = sessionOf(state, id);
  admit(session, lease);
  if (!session.draft) throw new Refused('not_found');
  const tombstone = { revision: undefined };
  const earlier = session.draft.revision;
  session.draft = null;
  return { id: session.id, revision: chosen(tombstone, 'revision', [earlier]) };
}

export const rules: Rules = {
  'sessions.create': create,
  'sessions.update': update,
  'sessions.append': append,
  'sessions.replace': replace,
  'sessions.fork': fork,
  'sessions.delete': remove,
  'sessions.restore': restore,
  'sessions.abandon': abandon,
  'sessions.setDelivery': setDelivery,
  'leases.acquire': acquire,
  'leases.release': release,
  'drafts.put': putDraft,
  'drafts.delete': dropDraft,
};
