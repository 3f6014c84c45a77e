import { expect, it } from 'vitest';
import { TestHome } from '../helpers/daemon.ts';
import { FakeClock } from '../helpers/faketime.ts';
import { refusal } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

// Invariant: what was deleted can be restored for 30 days, and no clock that is wrong for a while shortens them.

const day = 86_400_000;
const url = 'https://example.org/';

it.each([
  ['31 days ahead', 31 * day],
  ['ten years ahead', 3650 * day],
  ['back to 1970', day - Date.now()],
])(
  'a clock that is %s, also at a start, removes nothing that can be restored, nor a login in progress',
  async (_, jump) => {
    await using home = new TestHome();
    const clock = new FakeClock(home);
    const client = home.client();
    const daemon = await home.start(clock.options);
    for (const id of ['gone', 'other', 'erased']) await client.sessions.create({ id });
    await client.sessions.delete({ id: 'gone' });
    await client.auth.put({ profile: 'gone', kind: 'api-key', apiKey: 'secret' });
    await client.auth.delete({ profile: 'gone' });
    await client.pending.put({ state: 'login', secret: 'verifier' });
    // At a start, and whenever a session is deleted, what is over is removed; that it was done an erased one shows.
    clock.set(jump);
    await daemon.end();
    const next = await home.start(clock.options);
    await client.sessions.delete({ id: 'other' });
    await client.sessions.delete({ id: 'erased', erase: true });
    await client.feeds.put({ name: 'x', url });
    expect((await client.system.health()).reasons).toEqual([]);
    clock.set(0);
    await next.end();
    await home.start(clock.options);
    expect(await client.sessions.restore({ id: 'gone' })).toMatchObject({ id: 'gone' });
    expect((await client.auth.versions({ profile: 'gone' })).items).toHaveLength(1);
    expect(await client.pending.take({ state: 'login' })).toMatchObject({ secret: 'verifier' });
  },
);

it('red control: a session that was deleted 31 days ago is gone', async () => {
  await using home = new TestHome();
  const clock = new FakeClock(home);
  const client = home.client();
  const daemon = await home.start(clock.options);
  for (const id of ['gone', 'later']) await client.sessions.create({ id });
  await client.sessions.delete({ id: 'gone' });
  clock.set(31 * day);
  await client.sessions.delete({ id: 'later' });
  await daemon.end();
  await home.start(clock.options);
  await until('it is removed', async () => (await client.sessions.list({ deleted: true })).items.length === 1);
  expect((await refusal(client.sessions.restore({ id: 'gone' }))).code).toBe('not_found');
  expect(await client.sessions.restore({ id: 'later' })).toMatchObject({ id: 'later' });
});
