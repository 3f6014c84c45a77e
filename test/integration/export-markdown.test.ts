import { execFile } from 'node:child_process';
import { isUtf8 } from 'node:buffer';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { root, TestHome } from '../helpers/daemon.ts';
import { hostile } from '../helpers/hostile.ts';

/** The JSON in fences of a Markdown text, read as CommonMark does: to a line of at least as many backticks. */
function fencedJson(text: string): unknown[] {
  const found: unknown[] = [];
  const lines = text.split('\n');
  for (let at = 0; at < lines.length; at++) {
    const [, fence] = /^(`{3,})json$/.exec(lines[at] ?? '') ?? [];
    if (fence === undefined) continue;
    const closes = (line: string) => /^`{3,}$/.test(line) && line.length >= fence.length;
    const length = lines.slice(at + 1).findIndex(closes);
    found.push(JSON.parse(lines.slice(at + 1, at + 1 + length).join('\n')));
    at += length + 1;
  }
  return found;
}

describe('an export as Markdown', () => {
  let home: TestHome;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const exported = async (id: string) => (await Array.fromAsync(client.sessions.export({ id }))).join('');
  const session = async (messages: object[], about: object = {}) => {
    const { id } = await client.sessions.create({ title: 'Title', ...about });
    await client.sessions.append({ id, messages });
    return id;
  };

  it('is what people want to read', async () => {
    const at = '2026-01-01T00:00:00.000Z';
    const about = { id: 'talk', title: 'Größe und 助手', model: 'm-1', workingDirectory: '/a b', createdAt: at };
    const tool = { type: 'tool_use', name: 'read', input: { path: 'a.ts' } };
    const id = await session(
      [
        { role: 'user', content: 'What does `a.ts` do?\n\n- this\n- that', timestamp: at },
        { role: 'assistant', content: [{ type: 'text', text: 'I look.' }, tool], stop: 'tool' },
        { n: 3 },
      ],
      about,
    );
    await client.drafts.put({ id, text: 'It is' });
    const { updatedAt } = await client.sessions.get({ id });
    expect(await exported(id)).toBe(
      `# Größe und 助手

- Session: \`talk\`
- Model: m-1
- Directory: \`/a b\`
- Status: active, 3 messages
- From ${at} to ${updatedAt}

## 1. user, ${at}

What does \`a.ts\` do?

- this
- that

## 2. assistant

I look.

\`\`\`json
${JSON.stringify(tool, null, 2)}
\`\`\`

\`\`\`json
{
  "stop": "tool"
}
\`\`\`

## 3. Message

\`\`\`json
{
  "n": 3
}
\`\`\`

## Draft, not finished

It is
`,
    );
  });

  it('keeps what is no text as JSON in fences that are longer than what they hold', async () => {
    const values = ['`', '```', '````json', '`````````', '\n```\n', '~~~'].map((text) => ({ text, more: text }));
    const id = await session(values.map((value) => ({ content: value })));
    expect(fencedJson(await exported(id))).toEqual(values);
  });

  it('finds the longest run among a great many', async () => {
    const value = { text: `${'` '.repeat(1_500_000)}\`\`\`\`` };
    const id = await session([{ content: value }]);
    expect(fencedJson(await exported(id))).toEqual([value]);
  });

  it('shows content of any form, and nothing as undefined', async () => {
    const contents = [
      null,
      7,
      true,
      [],
      [null],
      ['text'],
      {},
      { text: 'x' },
      [{ type: 'text', text: 'said', cache: 1 }],
    ];
    const id = await session([{}, { role: 'user' }, ...contents.map((content) => ({ role: 'user', content }))]);
    const text = await exported(id);
    const shown = [null, 7, true, null, 'text', {}, { text: 'x' }, { type: 'text', text: 'said', cache: 1 }];
    expect(fencedJson(text)).toEqual(shown);
    expect(text).not.toMatch(/undefined|\[object/);
    expect(text.match(/^## \d+\. /gm)).toHaveLength(contents.length + 2);
  });

  it('keeps a role and a time that are no texts beside the rest', async () => {
    const odd = { role: { is: 'odd' }, timestamp: 1_767_225_600_000, more: 1 };
    const id = await session([{ ...odd, content: 'said' }]);
    const text = await exported(id);
    expect(text).toContain('\n## 1. Message\n\nsaid\n');
    expect(fencedJson(text)).toEqual([odd]);
  });

  it('has a heading of one line, whatever role, title and time hold', async () => {
    const id = await session([{ role: 'a\n# b', timestamp: 'x\ny', content: 'said' }]);
    expect(await exported(id)).toContain('\n## 1. a # b, x y\n\nsaid\n');
    const { id: untitled } = await client.sessions.create();
    await client.sessions.append({ id: untitled, messages: [{ role: 'user', content: 'first\nline' }] });
    expect((await exported(untitled)).split('\n')[0]).toBe('# first line');
  });

  it('of hostile text is well-formed UTF-8, and holds it as it is where UTF-8 can', async () => {
    const texts = hostile.flatMap(([, value]) => (typeof value === 'string' ? [value] : []));
    const id = await session(texts.map((content) => ({ role: 'user', content })));
    const text = await exported(id);
    expect(isUtf8(Buffer.from(text))).toBe(true);
    for (const [index, each] of texts.entries()) {
      expect(text).toContain(`## ${index + 1}. user\n\n${each.toWellFormed()}\n`);
    }
  });

  it('red control: a fence that is too short is seen', () => {
    expect(() => fencedJson('```json\n{\n```\n"a": 1}\n```\n')).toThrow(SyntaxError);
  });

  it('comes by curl as the README says, and by the line of it that streams', async () => {
    const run = promisify(execFile);
    const id = await session([{ role: 'user', content: 'by curl' }]);
    const url = `http://localhost/v1/apps/test/sessions/${id}`;
    const curl = (...args: string[]) =>
      run('curl', ['-sS', '--unix-socket', home.paths.socket, ...args], { cwd: root });
    expect((await curl(`${url}/export?format=markdown`)).stdout).toBe(await exported(id));
    const { stdout } = await curl('-H', 'Accept: application/x-ndjson', `${url}/messages`);
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toMatchObject([{ seq: 1, content: 'by curl' }, { end: { head: 1 } }]);
  });
});
