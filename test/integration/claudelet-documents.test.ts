import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { differences } from '../helpers/identical.ts';
import { itemsOf, walk } from '../helpers/pages.ts';
import { refusal } from '../helpers/refusal.ts';
import { append, load, longBytes, put, read, validSessions, type SessionData } from './claudelet-sessions.ts';

const byName = validSessions.map(({ path }) => path.slice(path.lastIndexOf('/') + 1));
const said = (content: string) => ({ role: 'user', content, timestamp: '2026-01-01T00:00:00.000Z' });

const idsOf = async ({ sessionId: id }: SessionData, of: Client) =>
  itemsOf(await walk((cursor) => of.sessions.messages({ id, limit: 1000, ...cursor }))).map((message) => message.id);
const expectSame = async (data: SessionData, of: Client) => {
  const stored = await read(of, data.sessionId);
  expect(differences(stored, data)).toEqual([]);
  expect(Object.keys(stored)).toEqual(Object.keys(data));
};

/** Saves the same document again and expects that nothing at all has changed. */
const expectUnchanged = async (data: SessionData, of: Client) => {
  const before = await of.sessions.get({ id: data.sessionId });
  const ids = await idsOf(data, of);
  const { metadata: _metadata, lease: _lease, ...summary } = before;
  expect(await put(of, data)).toEqual(summary);
  expect(await of.sessions.get({ id: data.sessionId })).toEqual(before);
  expect(await idsOf(data, of)).toEqual(ids);
};

describe('acceptance 6: the sessions of Claudelet go in and come back', () => {
  let home: TestHome;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  describe.each(byName)('%s', (name) => {
    it('by put, and the same put again changes nothing', async () => {
      const of = home.client({ app: 'put' });
      const data = load(name);
      expect(await put(of, data)).toMatchObject({ generation: 0, messageCount: data.messages.length });
      await expectSame(data, of);
      await expectUnchanged(data, of);
      await expectSame(data, of);
    });

    it('by append, and a put of the same document changes nothing', async () => {
      const of = home.client({ app: 'append' });
      const data = load(name);
      await append(of, data, data.messages.length > 1000 ? 1000 : 2);
      expect((await of.sessions.get({ id: data.sessionId })).head).toBe(data.messages.length);
      await expectSame(data, of);
      await expectUnchanged(data, of);
    });

    it('by put of one that has grown: what was stored is not written again', async () => {
      const of = home.client({ app: 'grown' });
      const data = load(name);
      await append(of, data, 1000);
      const ids = await idsOf(data, of);
      const grown = { ...data, inputTokens: data.inputTokens + 1, messages: [...data.messages, said('more \ud83d')] };
      expect(await put(of, grown)).toMatchObject({ generation: 0, messageCount: grown.messages.length });
      await expectSame(grown, of);
      expect((await idsOf(grown, of)).slice(0, -1)).toEqual(ids);
    });

    it('by put of one that was rewritten, then of one that lacks its end', async () => {
      const of = home.client({ app: 'rewritten' });
      const data = { ...load(name), messages: [...load(name).messages, said('a'), said('b')] };
      await append(of, data, 1000);
      const { revision } = await of.sessions.get({ id: data.sessionId });
      const at = data.messages.length - 2;
      const rewritten = { ...data, model: 'auto', messages: data.messages.with(at, said('\0')) };
      expect(await put(of, rewritten, { expectedRevision: revision })).toMatchObject({ generation: 1 });
      await expectSame(rewritten, of);

      const shorter = { ...rewritten, messages: rewritten.messages.slice(0, -1) };
      expect(await refusal(put(of, shorter))).toMatchObject({ code: 'drops_messages', status: 409 });
      await expectSame(rewritten, of);
      expect(await put(of, shorter, { allowShrink: true })).toMatchObject({ messageCount: shorter.messages.length });
      await expectSame(shorter, of);
    });
  });

  it('the long one is as long as it should be, and streams and exports alike', async () => {
    const data = load('f4b6799d');
    const bytes = Buffer.byteLength(JSON.stringify(data, null, 2));
    expect(bytes / longBytes).toBeCloseTo(1, 1);
    const { id } = await put(client, data);
    const lines = await Array.fromAsync(client.sessions.stream({ id }));
    const own = lines.slice(0, -1).map(({ id: _id, seq: _seq, ...fields }: { [name: string]: unknown }) => fields);
    expect(differences(own, data.messages)).toEqual([]);
    const exported = (await Array.fromAsync(client.sessions.export({ id, format: 'json' }))).join('');
    expect((JSON.parse(exported) as { messages: unknown[] }).messages).toHaveLength(data.messages.length);
  });

  it('control: the comparison sees one code unit, one key and the order of messages', () => {
    const data = load('ada3315f');
    const text = JSON.stringify(data);
    const cut = JSON.parse(text.replace(String.raw`\ud83d`, '\ufffd')) as SessionData;
    expect(differences(cut, data)).toEqual(['$.messages.0.content']);
    expect(differences({ ...data, pinned: true }, data)).toHaveLength(1);
    expect(differences({ ...data, messages: data.messages.toReversed() }, data)).not.toEqual([]);
  });
});
