import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import type { TestHome } from '../helpers/daemon.ts';
import {
  copyOf,
  downFrom,
  id,
  killedAfter,
  lastTurn,
  stateOf,
  statesOf,
  tear,
  type Killed,
  type Tear,
} from './claudelet-torn-log.ts';

// Invariant: a log that is torn anywhere in its last transaction shows the state before it or the state after it, and
// a retry of that transaction by its key makes it happen once in either case.

/** At every byte in the soak, otherwise at one in each part of a word and of a page. */
const stride = process.env['HOLDFAST_EVERY_STEP'] ? 1 : 7;

const key = 'the last turn';
const lastAppend = (client: Client) => client.sessions.append(lastTurn, { key });

/** What an application sees of the turn. */
async function seen(client: Client) {
  const { items, deliveries, damagedCount } = await client.sessions.messages({ id });
  const { status, inputTokens, outputTokens, costNanoUsd, messageCount } = await client.sessions.get({ id });
  const draft = await client.drafts.get({ id }).then(
    ({ text }) => text,
    () => null,
  );
  const contents = items.map((item) => ('content' in item ? item['content'] : item));
  const delivered = deliveries.map((one) => ('delivery' in one ? one.delivery : one));
  return { contents, delivered, damagedCount, status, inputTokens, outputTokens, costNanoUsd, messageCount, draft };
}
const states = {
  before: {
    contents: ['the first answer'],
    delivered: [],
    damagedCount: 0,
    status: 'active',
    inputTokens: 1,
    outputTokens: 0,
    costNanoUsd: 0,
    messageCount: 1,
    draft: 'the last ans',
  },
  after: {
    contents: ['the first answer', 'the last answer', ''],
    delivered: ['pending', 'pending'],
    damagedCount: 0,
    status: 'completed',
    inputTokens: 11,
    outputTokens: 5,
    costNanoUsd: 3,
    messageCount: 3,
    draft: null,
  },
};

describe('Claudelet H1: a save that is torn', () => {
  let killed: Killed;
  let home: TestHome;
  let complete: string;
  let none: string;
  beforeAll(async () => {
    killed = await killedAfter(lastAppend);
    home = killed.home;
    complete = stateOf(home);
    const cut = copyOf(home);
    tear(cut, 'cut', killed.before);
    none = stateOf(cut);
    await cut[Symbol.asyncDispose]();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  it('cut at any byte of its transaction: before, and after only when nothing is missing', () => {
    expect(complete).not.toBe(none);
    expect(statesOf(home, 'cut', downFrom(killed.after, killed.before, stride))).toEqual(
      new Map([
        [complete, 1],
        [none, Math.floor((killed.after - killed.before) / stride)],
      ]),
    );
  });

  it.each(['zeros', 'another file'] as const)('with %s from a byte on: before or after', (how) => {
    const found = statesOf(home, how, downFrom(killed.after, killed.before, 211));
    expect([...found.keys()].toSorted()).toEqual([complete, none].toSorted());
  });

  const frame = 24 + 4096;
  it.each<[string, Tear, (low: number, high: number) => number]>([
    ['nothing of it', 'cut', (low) => low],
    ['its first byte', 'cut', (low) => low + 1],
    ['a frame header', 'cut', (low) => low + 24],
    ['a whole frame', 'cut', (low) => low + frame],
    ['half', 'cut', (low, high) => Math.floor((low + high) / 2)],
    ['all but the last frame', 'cut', (_, high) => high - frame],
    ['all but the last byte', 'cut', (_, high) => high - 1],
    ['all of it', 'cut', (_, high) => high],
    ['half, and zeros', 'zeros', (low, high) => Math.floor((low + high) / 2)],
    ['all but a page, and zeros', 'zeros', (_, high) => high - 4096],
  ])('a daemon finds %s (%s): before or after, and a retry makes it after, once', async (_, how, place) => {
    await using copy = copyOf(home);
    tear(copy, how, place(killed.before, killed.after));
    await copy.start();
    const client = copy.client();
    const whole = how === 'cut' && place(killed.before, killed.after) === killed.after;
    expect(await seen(client)).toEqual(whole ? states.after : states.before);
    for (let time = 0; time < 2; time++) await lastAppend(client);
    expect(await seen(client)).toEqual(states.after);
  });

  it('red control: a turn in two calls is seen half by the same check', async () => {
    const two = await killedAfter(async (client) => {
      const { messages } = lastTurn;
      await client.sessions.append({ id, messages, clearDraft: true });
      await client.sessions.update({ id, patch: { status: 'completed' } });
    });
    try {
      expect(statesOf(two.home, 'cut', downFrom(two.after, two.before, 206)).size).toBe(3);
    } finally {
      await two.home[Symbol.asyncDispose]();
    }
  });
});
