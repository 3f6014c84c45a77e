import { chmodSync, chownSync } from 'node:fs';
import { expect, it } from 'vitest';
import { TestHome } from '../helpers/daemon.ts';

// Invariant: as of test/crash/swallowed-cleanup.test.ts.

/** No directory is read-only for root: the daemon runs as nobody. */
const nobody = 65_534;
const wrapper = ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups', '--'];

it('M5: cleanup errors swallowed: a data directory that became read-only', async () => {
  await using home = new TestHome();
  const { data } = home.paths;
  chownSync(home.home, nobody, nobody);
  const daemon = await home.start({ wrapper });
  await home.client().feeds.put({ name: 'x', url: 'https://example.org/' });
  chmodSync(data, 0o500);
  expect((await daemon.end('SIGTERM')).code).toBe(69);
  expect(daemon.stderr).toMatch(new RegExp(`${data} could not be left clean: EACCES.*make it writable`));

  chmodSync(data, 0o700);
  const next = await home.start({ wrapper });
  const said = next.log.map(({ msg }) => String(msg)).filter((msg) => msg.startsWith('unclean'));
  expect(said).toEqual([expect.stringContaining(`${data} could not be left clean: EACCES`)]);
  expect((await home.client().feeds.get({ name: 'x' })).name).toBe('x');
  // Red control.
  expect((await next.end('SIGTERM')).code).toBe(0);
});
