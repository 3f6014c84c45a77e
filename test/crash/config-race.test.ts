import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { runProcess } from '../helpers/processes.ts';
import { until } from '../helpers/wait.ts';

// Plugins race: `plugins enable`, `disable` and `configure` of the reviewed application read a file, change it and write it
// back without a lock. Here four processes do so to one document, each with plugins of its own.

const module = join(import.meta.dirname, 'config-race-process.ts');
const workers = 4;
const plugins = 20;

let home: TestHome;
let daemon: DaemonProcess;
let client: Client;
beforeAll(async () => {
  home = new TestHome();
  daemon = await home.start();
  client = home.client({ deadlineMs: 60_000 });
});
afterAll(() => home[Symbol.asyncDispose]());

const made = async () => (await client.config.get({ name: 'right' })).version;

/** What the processes meant each plugin to be, and what is stored when all have ended; each writes in one of these ways. */
async function race(name: string, ways: string[], between: () => Promise<void> = async () => undefined) {
  await client.config.put({ name, value: { theme: 'dark', plugins: {} } });
  const running = Array.from({ length: workers }, (_, worker) => {
    const args = [name, ways[worker % ways.length] ?? '', String(worker), String(plugins)];
    return runProcess<[string, object]>(module, args, { HOLDFAST_HOME: home.home });
  });
  await between();
  const ended = await Promise.all(running.map(({ done }) => done));
  const { value, version } = await client.config.get({ name });
  return { wanted: { theme: 'dark', plugins: Object.fromEntries(ended.flat()) }, value, version };
}

describe('plugins race: four processes enable and disable plugins in one document', () => {
  it('by set and patch, and by whole documents with the revision that was read, over a kill of the daemon: nothing is lost', async () => {
    let before = 0;
    const { wanted, value, version } = await race('right', ['set', 'guarded'], async () => {
      await until('some of the changes are made', async () => (await made()) > workers * 3, 60_000);
      await daemon.end('SIGKILL');
      daemon = await home.start();
      before = await made();
    });
    expect(value).toEqual(wanted);
    expect(Object.keys(wanted.plugins)).toHaveLength(workers * plugins);
    // Each change once.
    expect(version).toBe(1 + workers * plugins * 2);
    // Red control: it was in the middle.
    expect(before).toBeLessThan(version);
  });

  it('red control: by whole documents as in a file, changes are lost, and the history still has them', async () => {
    const { wanted, value } = await race('whole', ['whole']);
    const found = Object.entries((value as typeof wanted).plugins).filter(([plugin]) => plugin in wanted.plugins);
    expect(found.length).toBeLessThan(workers * plugins);
    const lost = Object.keys(wanted.plugins).find((plugin) => !found.some(([one]) => one === plugin)) ?? '';
    const { items } = await client.config.versions({ name: 'whole', limit: 1000 });
    for (const item of items) {
      const version = 'version' in item ? item.version : 0;
      const then = await client.config.version({ name: 'whole', version });
      if (lost in (then.value as typeof wanted).plugins) return;
    }
    throw new Error(`${lost} is in no version`);
  });
});
