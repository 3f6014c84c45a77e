import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { keysAnswer } from '../helpers/cli.ts';
import { cli, TestHome } from '../helpers/daemon.ts';
import { good } from '../helpers/fake-daemon.ts';
import { onTerminal } from '../helpers/terminal.ts';

const run = promisify(execFile);
const known = { updatedAt: '2026-01-31T12:00:00.000Z', messageCount: 1, status: 'active', preview: null };
const session = (id: string, title: string) => ({ id, title, ...known });

it('on a terminal a list ends that has a session twice: it changed between two pages', async () => {
  await using home = new TestHome();
  const items = [session('0123456789-a', 'one'), session('0123456789-b', 'two'), session('0123456789-a', 'again')];
  await using _ = await keysAnswer(home, {}, (response) =>
    good(response, { items, nextCursor: null, damagedCount: 0 }),
  );
  const [command, args] = onTerminal([process.execPath, cli, 'sessions', 'list', '--app', 'x']);
  const options = {
    env: { ...process.env, HOLDFAST_HOME: home.home },
    timeout: 30_000,
    killSignal: 'SIGKILL',
  } as const;
  const { stdout } = await run(command, args, options);
  expect(stdout).toMatch(/ 0123456789-a +one\s+.* 0123456789-b +two\s+.* 0123456789-a +again\s/);
});
