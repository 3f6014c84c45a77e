import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { root, TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { until } from '../helpers/wait.ts';

// The chat CLI of the README, line by line, in several terminals at once.

const terminals = 4;
const lines = 5;
let home: TestHome;
let daemon: DaemonProcess;
let folder: string;
const model = `export async function* answer(messages) {
  const last = messages.findLast(({ role }) => role === 'user').content;
  for (const word of ['answer', 'to', 'one', 'of', String(messages.length), last]) {
    yield word + ' ';
    await new Promise((resolve) => setTimeout(resolve, last === 'last' ? 1e6 : 5));
  }
}`;

let code: string;
beforeAll(async () => {
  home = new TestHome();
  [, code = ''] = /### A chat CLI[^]*?```ts\n([^]*?)```/.exec(readFileSync(join(root, 'README.md'), 'utf8')) ?? [];
  const library = pathToFileURL(join(root, 'client', 'index.ts')).href;
  code = code.replace("'holdfast'", JSON.stringify(library));
  daemon = await home.start();
});
beforeEach(({ task }) => {
  folder = realpathSync(home.home) + `/${task.id}`;
  mkdirSync(folder);
  writeFileSync(join(folder, 'model.ts'), model);
  writeFileSync(join(folder, 'chat.ts'), code);
  writeFileSync(join(folder, 'hasty.ts'), code.replace("app: 'chat'", '$&, deadlineMs: 3000'));
});
afterAll(() => home[Symbol.asyncDispose]());

/** A terminal in the folder of the test. */
function terminal(chat = 'chat.ts') {
  const env = { ...process.env, HOLDFAST_HOME: home.home };
  return spawn(process.execPath, [join(folder, chat)], { cwd: folder, env, stdio: ['pipe', 'pipe', 'ignore'] });
}
/** That many, each with its lines to say; and when they have ended. */
function talk(chat?: string) {
  const all = Array.from({ length: terminals }, () => terminal(chat));
  const said = all.map((_, n) => Array.from({ length: lines }, (__, line) => `line ${line} of terminal ${n}`));
  for (const [n, one] of all.entries()) one.stdin.end(`${said[n]?.join('\n')}\n`);
  return { said: said.flat().toSorted(), ends: Promise.all(all.map((one) => once(one, 'exit'))) };
}
const stored = async () => {
  const client = home.client({ app: 'chat' });
  const { session } = await client.sessions.resumable({ workingDirectory: folder });
  return session ? (await client.sessions.messages({ id: session.id, limit: 1000 })).items : [];
};
const texts = (items: Awaited<ReturnType<typeof stored>>, wanted: string) =>
  items.flatMap((item) => ('role' in item && item['role'] === wanted ? [String(item['content'])] : []));

describe('the chat CLI of the README', () => {
  it('has twenty lines of code', () => {
    expect(code.split('\n').filter((line) => line.trim() !== '').length).toBeLessThanOrEqual(20);
  });

  it('in four terminals at once goes on with one conversation and loses no line, though the daemon is killed', async () => {
    const first = terminal();
    first.stdin.end('first\n');
    expect(await once(first, 'exit')).toEqual([0, null]);
    const { said, ends } = talk();
    await until('some is stored', async () => (await stored()).length > terminals, 50_000);
    await daemon.end('SIGKILL');
    daemon = await home.start();
    expect(await ends).toEqual(Array.from({ length: terminals }, () => [0, null]));
    const items = await stored();
    expect(texts(items, 'user').toSorted()).toEqual(['first', ...said]);
    expect(texts(items, 'assistant')).toHaveLength(1 + terminals * lines);
  });

  it('red control: with no time to wait it notices the kill', async () => {
    const { said, ends } = talk('hasty.ts');
    await until('some is stored', async () => (await stored()).length > terminals, 50_000);
    await daemon.end('SIGKILL');
    const codes = (await ends).map(([exitCode]) => exitCode as number);
    daemon = await home.start();
    expect(codes).toContain(1);
    expect(texts(await stored(), 'user').toSorted()).not.toEqual(said);
  });

  it('killed in the middle of an answer leaves what there was of it', async () => {
    const one = terminal();
    one.stdin.write('last\n');
    const client = home.client({ app: 'chat' });
    const draft = await until(
      'a draft',
      async () => {
        const { session } = await client.sessions.resumable({ workingDirectory: folder });
        return session ? client.drafts.get({ id: session.id }).catch(() => undefined) : undefined;
      },
      50_000,
    );
    one.kill('SIGKILL');
    await once(one, 'exit');
    expect(draft.text).toBe('answer ');
  });
});
