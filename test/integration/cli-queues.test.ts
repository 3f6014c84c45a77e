import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { holdfast } from '../helpers/cli.ts';
import { TestHome } from '../helpers/daemon.ts';
import { held } from '../helpers/queues.ts';

describe('holdfast queues', () => {
  let home: TestHome;
  let client: Client;
  const run = (...args: string[]) => holdfast(home, ['queues', ...args, '--app', 'test']);
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
    for (const id of ['one', 'two', 'three', 'four']) await client.queues.add({ queue: 'q', id, body: { text: id } });
    await client.queues.edit({ queue: 'q', id: 'two', patch: { priority: 'urgent', group: 'g' } });
    const { items } = await client.queues.claim({ queue: 'q', max: 2, maxAttempts: 1, visibilityMs: 3_600_000 });
    const [two] = items;
    if (two) await client.queues.nack({ ...held(two), reason: 'no \u001b[31mnetwork' });
  });
  afterAll(() => home[Symbol.asyncDispose]());

  it('lists messages in their order, the dead apart, and shows one without what a terminal obeys', async () => {
    expect((await run('stats')).stdout).toMatch(/^QUEUE .*DEAD +OLDEST\nq +2 +1 +0 +1 +\d{4}-\d\d-\d\d \d\d:\d\d\n$/);
    const [listed, dead] = [await run('list', 'q'), await run('list', 'q', '--dead', '--json')];
    expect(listed.stdout.split('\n').map((line) => line.split(' ')[0])).toEqual(['ID', 'one', 'three', 'four', '']);
    expect(listed.stdout).toMatch(/\none +claimed +normal +- +1 .*\{"text":"one"\}\n/);
    expect(JSON.parse(dead.stdout)).toMatchObject({ schema: 1, queue: 'q', more: false, messages: [{ id: 'two' }] });
    const shown = await run('show', 'q', 'two');
    expect(shown.stdout).toMatch(/Tried +1 of 1\n +Reason +no \\u\{1b\}\[31mnetwork\n/);
    expect(shown.stdout).toContain('"text": "two"');
    expect(await run('list', 'empty')).toEqual({ code: 0, stdout: '', stderr: 'empty has no messages.\n' });
  });

  it('gives a dead message another chance, and clears only what is asked, saying how many', async () => {
    const before = await client.queues.stats();
    expect((await run('clear', 'q', '--dry-run')).stderr).toBe(
      'Would remove 2 messages of q. Nothing was changed.\n1 message stays: somebody has claimed it.\n',
    );
    expect((await run('clear', 'q', '--dead', '--dry-run')).stderr).toMatch(/^Would remove 1 message of q/);
    expect(await client.queues.stats()).toEqual(before);
    expect(await run('requeue', 'q', 'two')).toEqual({ code: 0, stdout: '', stderr: 'two is ready.\n' });
    expect((await run('clear', 'q')).stderr).toMatch(/^3 messages of q are removed\.\n1 message stays/);
    expect((await client.queues.list({ queue: 'q' })).items).toMatchObject([{ id: 'one' }]);
    expect(await run('show', 'q', 'two')).toMatchObject({ code: 1, stdout: '' });
  });
});
