import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { curl, send } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { itemsOf } from '../helpers/pages.ts';
import { refusal } from '../helpers/refusal.ts';

const said = (id: string, content = `said ${id}`) => ({ id, role: 'user', content });
const four = ['a', 'b', 'c', 'd'].map((id) => said(id));

describe('the generation of a session', () => {
  let home: TestHome;
  let client: Client;
  let id = '';
  let made = 0;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
  });
  beforeEach(async () => {
    id = `session ${++made}`;
    await client.sessions.replace({ id, messages: four });
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const change = (content = 'changed') =>
    client.sessions.replace({ id, messages: [said('a', content), ...four.slice(1)] });
  const append = (guard: object) => client.sessions.append({ id, messages: [said('new')], ...guard });
  const stale = { code: 'stale', status: 412, retryable: false, details: { current: 4, generation: 1 } };

  it('is the same in every answer', async () => {
    await change();
    const { head, generation } = await client.sessions.append({ id, messages: [said('e')], expectedGeneration: 1 });
    expect({ head, generation }).toEqual({ head: 5, generation: 1 });
    expect(await client.sessions.get({ id })).toMatchObject({ head, generation });
    expect(await client.sessions.messages({ id })).toMatchObject({ head, generation });
    const summary = itemsOf(await client.sessions.list()).find((item) => item.id === id);
    expect(summary).toMatchObject({ head, generation });
    const lines = await Array.fromAsync(client.sessions.stream({ id }));
    expect(lines.at(-1)).toMatchObject({ end: { head, generation } });
  });

  it('stays over appends, updates, forks, delete and restore', async () => {
    await client.sessions.append({ id, messages: [said('e')] });
    await client.sessions.update({ id, patch: { title: 'new' } });
    await client.sessions.fork({ id });
    await client.sessions.delete({ id });
    expect(await client.sessions.restore({ id })).toMatchObject({ generation: 0, head: 5 });
  });

  it('makes a cursor of an earlier one worthless, in both orders', async () => {
    const cursors = await Promise.all(
      (['asc', 'desc'] as const).map(async (order) => {
        const { nextCursor } = await client.sessions.messages({ id, limit: 2, order });
        return { id, limit: 2, order, cursor: nextCursor ?? '' };
      }),
    );
    await client.sessions.append({ id, messages: [said('e')] });
    for (const input of cursors) expect((await client.sessions.messages(input)).items).toHaveLength(2);
    await client.sessions.replace({ id, messages: four, allowShrink: true });
    for (const input of cursors) expect(await refusal(client.sessions.messages(input))).toMatchObject(stale);
  });

  it('is guarded by expectedGeneration in pages and streams, from the query too', async () => {
    await change();
    expect(await refusal(client.sessions.messages({ id, after: 2, expectedGeneration: 0 }))).toMatchObject(stale);
    expect(await refusal(Array.fromAsync(client.sessions.stream({ id, expectedGeneration: 0 })))).toMatchObject(stale);
    const path = `/v1/apps/test/sessions/${encodeURIComponent(id)}/messages?expectedGeneration=`;
    expect((await curl(home.paths.socket, 'GET', `${path}0`)).status).toBe(412);
    expect((await curl(home.paths.socket, 'GET', `${path}1`)).status).toBe(200);
    expect((await curl(home.paths.socket, 'GET', `${path}2`)).status).toBe(412);
  });

  it('of an expectedHead is 0 unless it is named: what knows no generation cannot append to another one', async () => {
    await change();
    expect(await refusal(append({ expectedHead: 4 }))).toMatchObject(stale);
    expect(await refusal(append({ expectedHead: 4, expectedGeneration: 0 }))).toMatchObject(stale);
    expect(await refusal(append({ expectedGeneration: 2 }))).toMatchObject(stale);
    const behind = await refusal(append({ expectedHead: 3, expectedGeneration: 1 }));
    expect(behind).toMatchObject({ code: 'stale', details: { current: 4 } });
    expect(await append({ expectedHead: 4, expectedGeneration: 1 })).toMatchObject({ head: 5, generation: 1 });
  });

  it('does not keep an append without guard from going on: it names no seq', async () => {
    await change();
    expect(await client.sessions.append({ id, messages: [said('e')] })).toMatchObject({ head: 5, generation: 1 });
  });

  it('rises once for each change, and also when the messages become what they were', async () => {
    for (const [index, content] of ['one', 'two', 'said a', 'said a'].entries()) {
      expect(await change(content)).toMatchObject({ generation: Math.min(index + 1, 3) });
    }
    expect(itemsOf(await client.sessions.messages({ id }))).toMatchObject(four);
  });

  it('rises when the end is dropped, and the next message has a seq that another had', async () => {
    await client.sessions.replace({ id, messages: four.slice(0, 2), allowShrink: true });
    const { messages, generation } = await client.sessions.append({ id, messages: [said('new')] });
    expect({ messages, generation }).toEqual({ messages: [{ id: 'new', seq: 3 }], generation: 1 });
  });

  it('begins again at 0 with a session that is made anew under the id', async () => {
    await change();
    await client.sessions.delete({ id });
    const reply = await send(home.paths.socket, 'PUT', `/v1/apps/test/sessions/${encodeURIComponent(id)}`, {
      messages: four,
    });
    expect(reply).toMatchObject({ status: 201, json: { generation: 0 } });
  });

  it('of a cursor is not enough: it belongs to the session that was deleted, not to a new one of its id', async () => {
    const { nextCursor } = await client.sessions.messages({ id, limit: 2 });
    await client.sessions.delete({ id });
    await client.sessions.replace({ id, messages: four });
    const error = await refusal(client.sessions.messages({ id, limit: 2, cursor: nextCursor ?? '' }));
    expect(error).toMatchObject({ code: 'reset', status: 410 });
  });
});
