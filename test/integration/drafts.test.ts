import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { send } from '../helpers/curl.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { hostile } from '../helpers/hostile.ts';
import { differences } from '../helpers/identical.ts';
import { refusal, wrongFields } from '../helpers/refusal.ts';

const codeOf = async (call: Promise<unknown>) => (await refusal(call)).code;

describe('the draft of a session', () => {
  let home: TestHome;
  let daemon: DaemonProcess;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    daemon = await home.start();
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());
  const newSession = async () => (await client.sessions.create()).id;
  const textOf = async (id: string) => (await client.drafts.get({ id })).text;

  it('is made with 201, replaced with 200, and answered with its revision', async () => {
    const id = await newSession();
    const put = (body: object) => send(home.paths.socket, 'PUT', `/v1/apps/test/sessions/${id}/draft`, body);
    const made = await put({ text: 'so' });
    const replaced = await put({ text: 'so far', metadata: { model: 'm' } });
    expect([made.status, replaced.status]).toEqual([201, 200]);
    const { revision, updatedAt } = replaced.json as { revision: string; updatedAt: string };
    expect(replaced.headers['etag']).toBe(`"${revision}"`);
    expect(await client.drafts.get({ id })).toEqual({ text: 'so far', metadata: { model: 'm' }, updatedAt, revision });
    // What is left out is not kept from before: a put is the whole draft.
    await put({ text: '' });
    expect(await client.drafts.get({ id })).toMatchObject({ text: '', metadata: {} });
  });

  it('is not there before it is made, after it is deleted, or without its session', async () => {
    const id = await newSession();
    for (const of of [id, 'none']) {
      expect(await codeOf(client.drafts.get({ id: of }))).toBe('not_found');
      expect(await codeOf(client.drafts.delete({ id: of }))).toBe('not_found');
    }
    expect(await codeOf(client.drafts.put({ id: 'none', text: 'x' }))).toBe('not_found');
    await client.drafts.put({ id, text: 'x' });
    const other = home.client({ app: 'other' });
    expect(await codeOf(other.drafts.get({ id }))).toBe('not_found');
    expect((await client.drafts.delete({ id })).id).toBe(id);
    expect(await codeOf(client.drafts.get({ id }))).toBe('not_found');
  });

  it('is no change of the session and no message of it', async () => {
    const id = await newSession();
    await client.sessions.append({ id, messages: [{ role: 'user' }] });
    const before = [await client.sessions.get({ id }), await client.sessions.messages({ id })];
    await client.drafts.put({ id, text: 'so far' });
    await client.drafts.delete({ id });
    await client.drafts.put({ id, text: 'again' });
    expect([await client.sessions.get({ id }), await client.sessions.messages({ id })]).toEqual(before);
  });

  it('comes back code unit for code unit, cut in the middle of a character too', async () => {
    const id = await newSession();
    const whole = 'a 😀 b';
    const cuts = Array.from({ length: whole.length + 1 }, (_, end) => whole.slice(0, end));
    for (const text of [...hostile.map(([, value]) => JSON.stringify(value)), ...cuts, '\ud800', '\0', '']) {
      await client.drafts.put({ id, text });
      expect(differences(await textOf(id), text)).toEqual([]);
    }
    const metadata = JSON.parse('{"__proto__":{"x":1},"constructor":null,"a":[0,"\\ud800"]}') as object;
    await client.drafts.put({ id, text: 'x', metadata });
    expect(differences((await client.drafts.get({ id })).metadata, metadata)).toEqual([]);
  });

  it('holds 4 Mi characters and no more, and says which field is wrong', async () => {
    const id = await newSession();
    const most = '€'.repeat(4 * 1024 * 1024);
    await client.drafts.put({ id, text: most });
    expect((await textOf(id)) === most).toBe(true);
    expect(await codeOf(client.drafts.put({ id, text: `x${most}` }))).toBe('invalid_input');
    const path = `/v1/apps/test/sessions/${id}/draft`;
    for (const text of [undefined, null, 7, ['x']]) {
      expect(wrongFields(await send(home.paths.socket, 'PUT', path, { text }))).toEqual(['text']);
    }
    expect(wrongFields(await send(home.paths.socket, 'PUT', path, { text: 'x', metadata: [] }))).toEqual(['metadata']);
    expect((await textOf(id)) === most).toBe(true);
  });

  it('is dropped in the transaction of the append that completes it, and by no other', async () => {
    const id = await newSession();
    await client.drafts.put({ id, text: 'The ans' });
    await client.sessions.append({ id, messages: [{ role: 'user' }] });
    const refused = { id, messages: [{ text: 'The answer.' }], clearDraft: true, expectedHead: 0 };
    expect(await codeOf(client.sessions.append(refused))).toBe('stale');
    expect(await textOf(id)).toBe('The ans');
    const call = { id, messages: [{ text: 'The answer.' }], clearDraft: true };
    const answer = await client.sessions.append(call, { key: 'complete' });
    expect(await codeOf(client.drafts.get({ id }))).toBe('not_found');
    // The append sent again does not take the draft of the next answer.
    await client.drafts.put({ id, text: 'The next' });
    expect(await client.sessions.append(call, { key: 'complete' })).toEqual(answer);
    expect(await textOf(id)).toBe('The next');
    await client.sessions.append({ id, messages: [{}], clearDraft: true });
    // Where there is none, there is nothing to drop.
    expect((await client.sessions.append({ id, messages: [{}], clearDraft: true })).head).toBe(4);
  });

  it('is dropped by a replay of the messages, too: the answer to them may have been lost', async () => {
    const id = await newSession();
    const call = { id, messages: [{ id: 'm', text: 'The answer.' }], clearDraft: true };
    const { head } = await client.sessions.append(call);
    await client.drafts.put({ id, text: 'The ans' });
    expect((await client.sessions.append(call)).head).toBe(head);
    expect(await codeOf(client.drafts.get({ id }))).toBe('not_found');
  });

  it('stays over a replace, a delete with its restore and a kill; a fork has none', async () => {
    const id = await newSession();
    await client.drafts.put({ id, text: 'so far', metadata: { x: 1 } });
    const before = await client.drafts.get({ id });
    await client.sessions.replace({ id, messages: [{ n: 1 }] });
    const fork = await client.sessions.fork({ id });
    expect(await codeOf(client.drafts.get({ id: fork.id }))).toBe('not_found');
    await client.sessions.delete({ id });
    expect(await codeOf(client.drafts.get({ id }))).toBe('not_found');
    await client.sessions.restore({ id });
    await daemon.end('SIGKILL');
    daemon = await home.start();
    expect(await client.drafts.get({ id })).toEqual(before);
    // A new session of that id begins without.
    await client.sessions.delete({ id });
    await client.sessions.create({ id });
    expect(await codeOf(client.drafts.get({ id }))).toBe('not_found');
  });

  it('is one: of many who write it at once each is answered, and one text is left whole', async () => {
    const id = await newSession();
    const texts = Array.from({ length: 20 }, (_, n) => String(n).repeat(1000));
    const answers = await Promise.all(texts.map((text) => home.client().drafts.put({ id, text })));
    const { text, revision } = await client.drafts.get({ id });
    expect(text).toBe(texts[answers.findIndex((answer) => answer.revision === revision)]);
    expect(new Set(answers.map((answer) => answer.revision)).size).toBe(20);
  });

  it('is written once for one key', async () => {
    const id = await newSession();
    const first = await client.drafts.put({ id, text: 'one' }, { key: 'draft' });
    await client.drafts.put({ id, text: 'two' });
    expect(await client.drafts.put({ id, text: 'one' }, { key: 'draft' })).toEqual(first);
    expect(await textOf(id)).toBe('two');
    expect(await codeOf(client.drafts.put({ id, text: 'three' }, { key: 'draft' }))).toBe('key_reused');
  });
});
