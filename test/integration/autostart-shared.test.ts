import { writeFileSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { AutostartHome, slowNode } from '../helpers/autostart.ts';
import { refusal } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

// Invariant: the calls of one client share a start, and each waits for it as long as it may itself.

afterEach(() => delete process.env['HOLDFAST_NODE']);

it('one call given up while the daemon starts: the other calls of that client go on', async () => {
  await using home = new AutostartHome();
  const control = new AbortController();
  await using client = home.own();
  const given = client.feeds.list({}, { signal: control.signal }).catch((error: unknown) => String(error));
  const other = client.feeds.list();
  await until('one is started', () => home.starts()[0]);
  control.abort();
  expect((await other).items).toEqual([]);
  expect(await given).toContain('AbortError');
  expect(home.pids()).toHaveLength(1);
});

it('a call that joins a start ends at its own deadline and signal, and the one that began it goes on', async () => {
  await using home = new AutostartHome();
  process.env['HOLDFAST_NODE'] = slowNode(home);
  await using client = home.own({ deadlineMs: 3_600_000 });
  let settled = false;
  const first = client.feeds.list().finally(() => (settled = true));
  await until('one is started', () => home.starts()[0]);
  const reason = new Error('the user pressed Ctrl-C');
  const control = new AbortController();
  const aborted = client.feeds.list({}, { signal: control.signal }).catch((error: unknown) => error);
  expect(await refusal(client.feeds.list({}, { deadlineMs: 300 }))).toMatchObject({ code: 'unavailable' });
  control.abort(reason);
  expect(await aborted).toBe(reason);
  // Red control: they ended before the start did, which still works for who waits.
  expect(settled).toBe(false);
  writeFileSync(`${home.home}/go`, '');
  expect((await first).items).toEqual([]);
  expect(home.pids()).toHaveLength(1);
});
