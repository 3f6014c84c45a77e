import { cpSync } from 'node:fs';
import { hostname } from 'node:os';
import { expect, it } from 'vitest';
import { TestHome } from '../helpers/daemon.ts';
import { refusal } from '../helpers/refusal.ts';

/** Another machine, as far as a process can tell: another name. */
const elsewhere = ['unshare', '--map-root-user', '--uts', 'sh', '-c', 'hostname elsewhere && exec "$0" "$@"'];

it('google-gemini/gemini-cli#14521: what was stored on one machine can be read on another; not without its key (red control)', async () => {
  expect(hostname()).not.toBe('elsewhere');
  await using here = new TestHome();
  const daemon = await here.start();
  await here.client().auth.put({ profile: 'work', kind: 'api-key', apiKey: 'only a test' });
  await daemon.end();

  await using there = new TestHome();
  cpSync(here.paths.data, there.paths.data, { recursive: true });
  const locked = await there.start({ wrapper: elsewhere });
  expect((await refusal(there.client().auth.token({ profile: 'work' }))).code).toBe('key_missing');
  await locked.end();
  cpSync(here.paths.config, there.paths.config, { recursive: true });
  await there.start({ wrapper: elsewhere });
  expect((await there.client().auth.token({ profile: 'work' })).apiKey).toBe('only a test');
});
