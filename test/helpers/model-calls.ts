import { toAppend, toReplace } from './model-documents.ts';
import { without, type Call, type Session, type State } from './model.ts';
import { document, type Random, word } from './model-random.ts';

// Random calls. The state tells what makes one succeed, be refused, or change nothing; most can succeed.

const ids = ['aaaa-1', 'aaaa-2', 'aaab-é', 'bbbb', 'bbbb-longer', 'cc/c?c', 'dddd 👩🏽‍💻'] as const;
const statuses = ['active', 'paused', 'completed', 'abandoned'] as const;
const deliveries = ['pending', 'sent', 'failed'] as const;
const owners = ['a laptop', 'another', 'Größe 💻'] as const;
/** No lease ends by time while a test runs. */
const ttlMs = 86_400_000;
/** Sessions at a time, so that calls meet. */
const enough = 12;

/** An id that is free, taken or was deleted; now and then in the other normal form. */
export function anyId(random: Random, { live, deleted }: State): string {
  const old = random.pick(random.chance(0.9) ? live : deleted);
  const id = old && random.chance(0.92) ? old.id : random.pick(ids);
  return random.chance(0.05) ? id.normalize('NFD') : id;
}

type Found = Pick<Session, 'id'> & { session: Session | undefined };
export function anySession(random: Random, state: State): Found {
  const id = anyId(random, state);
  return { id, session: state.live.find((one) => one.id === id.normalize('NFC')) };
}

/** The token as its holder gives it, or not as it must be. */
function tokenFor(random: Random, state: State, { session }: Found): { lease?: string } {
  const token = session?.lease?.token;
  const wrong = random.pick(state.tokens) ?? 'no.1';
  if (random.chance(0.07)) return { lease: wrong };
  return token !== undefined && random.chance(0.85) ? { lease: token } : {};
}

function guardFor(random: Random, { session }: Found): { expectedRevision?: string } {
  if (random.chance(0.06)) return { expectedRevision: session?.earlier ?? 'no.1' };
  return session?.revision === undefined ? {} : random.maybe(0.35, 'expectedRevision', session.revision);
}

const generationFor = (random: Random, { session }: Found) => {
  const generation = session?.generation ?? 0;
  return random.maybe(0.3, 'expectedGeneration', random.chance(0.85) ? generation : generation + 1);
};

/** A seq of the session, or just beyond it. */
const placeIn = (random: Random, { session }: Found) =>
  random.upTo((session?.messages.length ?? 0) + (random.chance(0.05) ? 1 : 0));

const usageFor = (random: Random) =>
  random.chance(0.02)
    ? { inputTokens: Number.MAX_SAFE_INTEGER }
    : { inputTokens: random.upTo(9), ...random.maybe(0.5, 'outputTokens', 2), ...random.maybe(0.5, 'costNanoUsd', 3) };

const aboutFor = (random: Random) => ({
  ...random.maybe(0.5, 'title', word(random)),
  ...random.maybe(0.5, 'model', word(random)),
  ...random.maybe(0.5, 'workingDirectory', random.pick(['/one', '/two'] as const)),
  ...random.maybe(0.3, 'status', random.pick(statuses)),
  ...random.maybe(0.5, 'metadata', document(random)),
  ...random.maybe(0.1, 'createdAt', '2020-02-29T12:00:00Z'),
});

/** What a session says of itself, to be saved again as it is. */
function asItIs({ title, model, workingDirectory, metadata }: Session) {
  const fields = Object.entries({ title, model, workingDirectory }).filter(([, value]) => value !== null);
  return { ...Object.fromEntries(fields), metadata: JSON.parse(metadata) as object };
}

type Makers = {
  [Op in Call['op']]: (random: Random, state: State, found: Found) => Extract<Call, { op: Op }>['input'];
};

const makers: Makers = {
  'sessions.create': (random, state) => ({
    ...random.maybe(0.8, 'id', anyFree(random, state)),
    ...aboutFor(random),
  }),
  'sessions.update': (random, state, found) => ({
    id: found.id,
    patch: {
      ...aboutOf(aboutFor(random)),
      ...random.maybe(0.1, 'title', null),
      ...random.maybe(0.1, 'metadata', null),
    },
    ...guardFor(random, found),
    ...tokenFor(random, state, found),
  }),
  'sessions.append': (random, state, found) => ({
    id: found.id,
    messages: toAppend(random, found.session ?? { messages: [] }),
    ...random.maybe(0.5, 'usage', usageFor(random)),
    ...random.maybe(0.1, 'status', random.pick(statuses)),
    ...random.maybe(0.2, 'delivery', random.pick(deliveries)),
    ...random.maybe(0.3, 'clearDraft', true),
    ...generationFor(random, found),
    ...random.maybe(0.2, 'expectedHead', placeIn(random, found)),
    ...random.maybe(0.15, 'expectedHead', found.session?.messages.length ?? 0),
    ...tokenFor(random, state, found),
  }),
  'sessions.replace': (random, state, found) => ({
    id: found.id,
    ...(found.session && random.chance(0.5) ? asItIs(found.session) : aboutFor(random)),
    messages: toReplace(random, found.session?.messages ?? []),
    ...random.maybe(0.4, 'allowShrink', random.chance(0.8)),
    ...random.maybe(0.2, 'usage', usageFor(random)),
    ...random.maybe(0.05, 'ifAbsent', true),
    ...guardFor(random, found),
    ...tokenFor(random, state, found),
  }),
  'sessions.fork': (random, state, found) => ({
    id: found.id,
    ...random.maybe(0.7, 'to', anyFree(random, state)),
    ...random.maybe(0.8, 'upTo', placeIn(random, found)),
    ...random.maybe(0.3, 'title', word(random)),
    ...generationFor(random, found),
  }),
  'sessions.delete': (random, state, found) => ({
    id: found.id,
    ...random.maybe(0.3, 'erase', true),
    ...guardFor(random, found),
    ...tokenFor(random, state, found),
  }),
  'sessions.restore': (random, state, found) => ({ id: random.pick(state.deleted)?.id ?? found.id }),
  'sessions.abandon': (random) => ({ idleMs: random.pick([0, ttlMs] as const), ...random.maybe(0.5, 'dryRun', true) }),
  'sessions.setDelivery': (random, state, found) => ({
    id: found.id,
    messageId: random.pick(found.session?.messages ?? [])?.id ?? 'none',
    delivery: random.pick(deliveries),
    ...random.maybe(0.3, 'reason', word(random)),
    ...tokenFor(random, state, found),
  }),
  'leases.acquire': (random, state, found) => ({
    id: found.id,
    owner: random.pick(owners),
    ttlMs,
    ...random.maybe(0.3, 'token', found.session?.lease?.token ?? random.pick(state.tokens) ?? 'no.1'),
    ...random.maybe(0.3, 'force', true),
  }),
  'leases.release': (random, state, found) => ({
    id: found.id,
    token: tokenFor(random, state, found).lease ?? found.session?.lease?.token ?? 'no.1',
  }),
  'drafts.put': (random, state, found) => ({
    id: found.id,
    text: random.pick(['', 'so far', 'half a character \ud83d', 'NUL \0'] as const),
    ...random.maybe(0.3, 'metadata', document(random)),
    ...tokenFor(random, state, found),
  }),
  'drafts.delete': (random, state, found) => ({ id: found.id, ...tokenFor(random, state, found) }),
};

/** A patch has no time of creation. */
const aboutOf = (about: ReturnType<typeof aboutFor>) => without(about, 'createdAt');

/** An id that is probably free. */
function anyFree(random: Random, { live }: State): string {
  const free = ids.filter((id) => live.every((one) => one.id !== id));
  return random.chance(0.9) ? (random.pick(free) ?? 'ffff') : random.pick(ids);
}

const usual: [Call['op'], number][] = [
  ['sessions.create', 2],
  ['sessions.update', 8],
  ['sessions.append', 25],
  ['sessions.replace', 18],
  ['sessions.fork', 7],
  ['sessions.delete', 3],
  ['sessions.restore', 3],
  ['sessions.abandon', 1],
  ['sessions.setDelivery', 8],
  ['leases.acquire', 5],
  ['leases.release', 2],
  ['drafts.put', 5],
  ['drafts.delete', 2],
];

/** A random call, to this session if one is given; with few sessions it makes one, and with many it makes room. */
export function nextCall(random: Random, state: State, session?: Session): Call {
  const { length } = state.live;
  const weights = usual.map(([op, weight]): [Call['op'], number] => {
    if (op === 'sessions.create' && length < 3) return [op, 200];
    return [op, op === 'sessions.delete' && length > enough ? 15 : weight];
  });
  const op = random.weighted(weights);
  const found = session ? { id: session.id, session } : anySession(random, state);
  return { op, input: makers[op](random, state, found) } as Call;
}
