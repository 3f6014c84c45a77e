import { expect, it } from 'vitest';
import { AutostartHome } from '../helpers/autostart.ts';
import { until } from '../helpers/wait.ts';

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
