import type { Client } from '../../client/index.ts';
import { fromProblem, HoldfastError, type Problem } from '../../shared/errors.ts';
import { send } from './curl.ts';
import { rules } from './model-rules.ts';
import { findSession, without, type Rules } from './model.ts';

// What the comparison must find: models with one rule broken, and clients of which one answer or call is not as sent.

const append = rules['sessions.append'];
const replace = rules['sessions.replace'];
const { ['sessions.fork']: fork, ['sessions.delete']: remove } = rules;

export const brokenRules: readonly (readonly [string, Partial<Rules>])[] = [
  [
    'a message that is sent again is stored again',
    { 'sessions.append': (state, input) => append(state, { ...input, messages: input.messages.map(withoutId) }) },
  ],
  [
    'the cost of an append is not counted',
    { 'sessions.append': (state, input) => append(state, without(input, 'usage')) },
  ],
  ['a stale head is taken', { 'sessions.append': (state, input) => append(state, without(input, 'expectedHead')) }],
  ['an append keeps the draft', { 'sessions.append': (state, input) => append(state, without(input, 'clearDraft')) }],
  [
    'a token of the past is good',
    {
      'sessions.append': (state, input) => {
        const token = findSession(state, input.id)?.lease?.token;
        return append(state, { ...input, ...(input.lease !== undefined && token !== undefined && { lease: token }) });
      },
    },
  ],
  [
    'a replace drops messages unasked',
    { 'sessions.replace': (state, input) => replace(state, { ...input, allowShrink: true }) },
  ],
  [
    'an edit in the middle keeps the generation',
    {
      'sessions.replace': (state, input) => {
        const { generation = 0 } = findSession(state, input.id) ?? {};
        const answer = replace(state, input);
        const session = findSession(state, input.id);
        if (session) session.generation = generation;
        return answer;
      },
    },
  ],
  [
    'a fork shares what became of its messages',
    {
      'sessions.fork': (state, input) => {
        const answer = fork(state, input);
        const made = state.live.at(-1);
        const shared = findSession(state, input.id)?.messages.slice(0, made?.messages.length);
        if (made && shared) made.messages = shared;
        return answer;
      },
    },
  ],
  ['a fork begins at the end', { 'sessions.fork': (state, input) => fork(state, without(input, 'upTo')) }],
  ['what was deleted is gone', { 'sessions.delete': (state, input) => remove(state, { ...input, erase: true }) }],
  ['what was erased can be restored', { 'sessions.delete': (state, input) => remove(state, without(input, 'erase')) }],
];

const withoutId = (message: object) => without(message as { id?: string }, 'id');

type Sessions = Client['sessions'];
const mended = (client: Client, sessions: Partial<Sessions>): Client => ({
  ...client,
  sessions: { ...client.sessions, ...sessions },
});

export const tamperings: readonly (readonly [string, (client: Client) => Client])[] = [
  [
    'a page lacks its last message',
    (client) =>
      mended(client, {
        messages: async (...call) => {
          const page = await client.sessions.messages(...call);
          return { ...page, items: page.items.length > 3 ? page.items.slice(0, -1) : page.items };
        },
      }),
  ],
  [
    'a list lacks a session',
    (client) =>
      mended(client, {
        list: async (...call) => {
          const page = await client.sessions.list(...call);
          return { ...page, items: page.items.length > 3 ? page.items.slice(1) : page.items };
        },
      }),
  ],
  [
    'a session tells the revision of another',
    (client) => {
      let earlier: string | undefined;
      return mended(client, {
        get: async (...call) => {
          const found = await client.sessions.get(...call);
          const answer = { ...found, revision: earlier ?? found.revision };
          earlier = found.revision;
          return answer;
        },
      });
    },
  ],
  [
    'an append is sent twice, each time with a key of its own',
    (client) =>
      mended(client, {
        append: async (input) => {
          await client.sessions.append(input).catch(() => undefined);
          return client.sessions.append(input);
        },
      }),
  ],
  [
    'an update is acknowledged and not made',
    (client) => mended(client, { update: ({ id }) => client.sessions.get({ id }) }),
  ],
  [
    'a refusal comes under another code',
    (client) =>
      mended(client, {
        append: async (...call) => {
          try {
            return await client.sessions.append(...call);
          } catch (error) {
            if (error instanceof HoldfastError && error.code === 'fenced') throw new HoldfastError('leased', 'other');
            throw error;
          }
        },
      }),
  ],
  [
    'a stream ends without what became of the messages',
    (client) =>
      mended(client, {
        async *stream(...call) {
          for await (const line of client.sessions.stream(...call)) if (!('delivery' in line)) yield line;
        },
      }),
  ],
];

/** A client that repeats an append whose answer was lost without its key. */
export const forgetful = (client: Client, socket: string, app: string): Client =>
  mended(client, {
    append: async ({ id, ...body }) => {
      for (;;) {
        const path = `/v1/apps/${app}/sessions/${encodeURIComponent(id)}/messages`;
        const reply = await send(socket, 'POST', path, body).catch(() => undefined);
        if (reply?.status === 201) return reply.json as Awaited<ReturnType<Sessions['append']>>;
        if (reply) throw fromProblem(reply.json as Problem);
      }
    },
  });
