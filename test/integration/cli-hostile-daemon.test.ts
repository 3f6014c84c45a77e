import { expect, it } from 'vitest';
import { healthy, holdfast, keysAnswer } from '../helpers/cli.ts';
import { TestHome } from '../helpers/daemon.ts';
import { FakeDaemon, good } from '../helpers/fake-daemon.ts';

const odd = 'odd \u001b]0;owned\u0007 \u009b31m \u202e';
// oxlint-disable-next-line no-control-regex -- what a terminal obeys
const obeyed = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/;

/** A command says what was answered, and nothing that a terminal obeys. */
async function tamed(home: TestHome, ...args: string[]): Promise<void> {
  const { stdout, stderr } = await holdfast(home, args);
  expect([args, stdout + stderr]).toEqual([args, expect.stringContaining('odd ')]);
  expect(stdout + stderr).not.toMatch(obeyed);
}

it('what a terminal would obey is written out, whatever answers as the daemon', async () => {
  expect(odd).toMatch(obeyed);
  await using home = new TestHome();
  {
    await using _ = await keysAnswer(home, { path: odd, detail: odd, provider: 'passphrase' });
    for (const args of [['status'], ['status', '--json'], ['init']]) await tamed(home, 'key', ...args);
  }
  await using _ = await FakeDaemon.listen(home.paths.socket, (response) =>
    good(response, { ...healthy, status: odd, version: odd, node: odd, engine: odd, reasons: [odd] }),
  );
  for (const args of [['status'], ['status', '--json'], ['version'], ['version', '--json']]) await tamed(home, ...args);
});
