import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import type { Json, JsonObject } from '../../shared/json.ts';
import { TestHome } from '../helpers/daemon.ts';

const segmenter = new Intl.Segmenter();
const graphemesOf = (text: string) => Array.from(segmenter.segment(text), ({ segment }) => segment);
const user = (content: string | Json[]) => ({ role: 'user', content });

describe('the preview of a session', () => {
  let home: TestHome;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const previewAfter = async (...messages: JsonObject[]) => {
    const { id } = await client.sessions.create();
    await client.sessions.append({ id, messages });
    return (await client.sessions.get({ id })).preview;
  };

  it('is the first user message, on one line', async () => {
    const system = { role: 'system', content: 'You are a helpful machine.' };
    expect(await previewAfter(system, user('  Please\n\tfix\0the   build. '), user('And now?'))).toBe(
      'Please fix the build.',
    );
    expect(await previewAfter(system)).toBeNull();
  });

  it('stays once it is there', async () => {
    const { id } = await client.sessions.create();
    for (const content of ['first', 'second']) await client.sessions.append({ id, messages: [user(content)] });
    expect((await client.sessions.get({ id })).preview).toBe('first');
  });

  it('is the first text part of content in parts', async () => {
    const parts = [
      { type: 'image', url: 'x' },
      { type: 'text', text: 'What is this?' },
    ];
    expect(await previewAfter(user(parts))).toBe('What is this?');
  });

  it('keeps a text of 60 graphemes whole', async () => {
    const text = 'é'.repeat(60);
    expect(await previewAfter(user(text))).toBe(text);
  });

  it.each([
    ['letters', 'x'],
    ['combining marks', 'e\u0301\u0323\u0302\u0308'],
    ['flags', '🇨🇭'],
    ['skin tones', '👍🏽'],
    ['a family', '👨‍👩‍👧‍👦'],
    ['a couple with skin tones', '👩🏽‍❤️‍💋‍👨🏿'],
    ['Devanagari', 'क्षि'],
    ['Hangul of single jamo', '\u1112\u1161\u11ab'],
  ])('is cut between graphemes, after 60 to 80 of them: %s', async (_, grapheme) => {
    expect(graphemesOf(grapheme)).toHaveLength(1);
    const preview = await previewAfter(user(grapheme.repeat(200)));
    const shown = graphemesOf(preview?.replace(/…$/, '') ?? '');
    expect(new Set(shown)).toEqual(new Set([grapheme]));
    expect(shown.length).toBeGreaterThanOrEqual(60);
    expect(graphemesOf(preview ?? '').length).toBeLessThanOrEqual(80);
  });

  it('does not grow with a grapheme that never ends', async () => {
    const preview = await previewAfter(user(`a${'\u0301'.repeat(500_000)}`));
    expect((preview ?? '').length).toBeLessThan(10_000);
  });
});
