import { rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { TestHome } from '../helpers/daemon.ts';
import { Load } from '../helpers/load.ts';
import { clean, judge, readBack } from '../helpers/verdict.ts';
import { until } from '../helpers/wait.ts';

// Invariant: whichever of owner.lock, socket and pid file is deleted under a running owner, a second daemon is
// refused with 75 and the owner goes on writing, undisturbed.

const files = ['ownerLock', 'socket', 'daemonFile'] as const;

describe('acceptance 4: lock, socket and pid file deleted under load', () => {
  it.each([...files.map((file) => [file]), [...files]].map((deleted) => ({ deleted })))(
    '$deleted',
    async ({ deleted }) => {
      await using home = new TestHome();
      const owner = await home.start();
      const client = home.client();
      await client.sessions.create({ id: 's' });
      const load = new Load(home.paths.socket, 's', 8);
      // Through the connections that are open already, a deleted socket does not matter.
      const goesOn = async (what: string) => {
        const mark = load.begun;
        await until(`writes go on ${what}`, () => load.acknowledgedAfter(mark).length > 50);
      };
      await goesOn('at first');
      for (const file of deleted) {
        rmSync(home.paths[file]);
        await goesOn(`without ${file}`);
        const second = home.spawn();
        expect((await second.exited).code).toBe(75);
        expect(second.stderr).toContain(`Another holdfast owns ${home.paths.data}`);
        await goesOn(`after a second daemon met no ${file}`);
      }
      await load.stop();
      expect(load.outcomes.filter(({ status }) => status !== 201)).toEqual([]);
      // The socket may be gone for good, so the stop and the reading are a successor's business.
      expect(await owner.end('SIGTERM')).toEqual({ code: 0, signal: null });
      await home.start();
      expect(judge(load.acknowledged, await readBack(client, ['s']))).toEqual(clean);
    },
  );

  it.each(files)('red control: %s deleted and the owner dead: the second daemon serves', async (file) => {
    await using home = new TestHome();
    const owner = await home.start();
    rmSync(home.paths[file]);
    await owner.end('SIGKILL');
    const second = await home.start();
    expect((await home.client().system.health()).pid).toBe(second.pid);
  });
});
