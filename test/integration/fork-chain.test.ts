import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { itemsOf, walk } from '../helpers/pages.ts';

interface Said {
  id: string;
  text: string;
}

describe('forks of forks', () => {
  let home: TestHome;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  /** What each session should hold, kept beside the daemon. */
  const model = new Map<string, Said[]>();
  let root = '';
  let roots = 0;
  beforeEach(async () => {
    model.clear();
    root = `root ${++roots}`;
    await client.sessions.create({ id: root });
    await grow(root, 3);
  });

  const read = async (id: string) =>
    itemsOf(await walk((cursor) => client.sessions.messages({ id, limit: 1000, ...cursor })));
  const of = (id: string) => model.get(id) ?? [];
  const numbered = (id: string) => of(id).map((message, index) => ({ ...message, seq: index + 1 }));

  async function grow(id: string, count: number): Promise<void> {
    const places = Array.from({ length: count }, (_, n) => of(id).length + n + 1);
    const messages = places.map((n) => ({ id: `${n} of ${id}`, text: `${n}` }));
    await client.sessions.append({ id, messages });
    model.set(id, [...of(id), ...messages]);
  }

  /** A fork that goes on with one message of its own. */
  async function fork(id: string, upTo: number): Promise<string> {
    const to = `${id}/${upTo}`;
    expect((await client.sessions.fork({ id, to, upTo })).head).toBe(upTo);
    model.set(to, of(id).slice(0, upTo));
    await grow(to, 1);
    return to;
  }

  /** Each fork of the one before, with a message of its own. */
  async function deep(depth: number): Promise<string> {
    let id = root;
    for (let n = 0; n < depth; n++) {
      const to = `${root} ${n}`;
      await client.sessions.fork({ id, to });
      model.set(to, of(id));
      await grow(to, 1);
      id = to;
    }
    return id;
  }

  async function allAreRight(): Promise<void> {
    const held = await Promise.all([...model.keys()].map(async (id) => [id, await read(id)] as const));
    expect(held).toEqual([...model.keys()].map((id) => [id, numbered(id)]));
  }

  it('hold the right messages at every upTo, three deep, whichever of them goes on', async () => {
    for (let first = 0; first <= 3; first++) {
      const child = await fork(root, first);
      await grow(child, 1);
      for (let second = 0; second <= first + 2; second++) {
        const grandchild = await fork(child, second);
        for (let third = 0; third <= second + 1; third++) await fork(grandchild, third);
      }
    }
    expect(model.size).toBeGreaterThan(80);
    await grow(root, 1);
    await allAreRight();
  });

  it('read from any seq to any other', async () => {
    const id = await fork(await fork(await fork(root, 3), 2), 3);
    const all = numbered(id);
    for (let after = 0; after <= all.length; after++) {
      for (let before = after + 1; before <= all.length + 1; before++) {
        const page = await client.sessions.messages({ id, after, before });
        expect(itemsOf(page)).toEqual(all.slice(after, before - 1));
      }
    }
    for (let last = 1; last <= all.length; last++) {
      expect(itemsOf(await client.sessions.messages({ id, last }))).toEqual(all.slice(-last));
    }
  });

  it('know every id they inherited, from however far, and none that came after', async () => {
    const id = await fork(await fork(await fork(root, 2), 3), 3);
    const answer = await client.sessions.append({ id, messages: of(id) });
    expect(answer.messages).toEqual(numbered(id).map(({ id: message, seq }) => ({ id: message, seq })));
    const [, , third] = of(root);
    expect(await client.sessions.append({ id, messages: [{ ...third }] })).toMatchObject({ head: 5 });
  });

  it('hundreds deep read whole, and their root is as it was', async () => {
    const id = await deep(300);
    expect(await read(id)).toEqual(numbered(id));
    expect(itemsOf(await client.sessions.messages({ id, before: 2 }))).toEqual(numbered(id).slice(0, 1));
    const [first] = of(root);
    const { messages } = await client.sessions.append({ id, messages: [{ ...first }] });
    expect(messages).toEqual([{ id: first?.id, seq: 1 }]);
    expect(await read(root)).toEqual(numbered(root));
  });

  it('are saved whole like any session: what is inherited is compared, not written', async () => {
    const id = await deep(20);
    const before = await client.sessions.get({ id });
    expect((await client.sessions.replace({ id, messages: of(id) })).revision).toBe(before.revision);
    const longer = [...of(id), { id: 'more', text: 'more' }];
    expect(await client.sessions.replace({ id, messages: longer })).toMatchObject({ generation: 0, head: 24 });
    const changed = longer.with(10, { id: longer[10]?.id ?? '', text: 'changed' });
    expect(await client.sessions.replace({ id, messages: changed })).toMatchObject({ generation: 1, head: 24 });
    model.set(id, changed);
    await allAreRight();
  });
});
