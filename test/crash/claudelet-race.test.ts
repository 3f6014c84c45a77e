import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TestHome } from '../helpers/daemon.ts';
import { runProcess } from '../helpers/processes.ts';
import { clean, judge, readBack, type Acknowledged } from '../helpers/verdict.ts';
import { until } from '../helpers/wait.ts';

// Invariant: of all that is appended to one session at once, every acknowledged message is there once, in the order in
// which its terminal wrote it, and what it cost is counted once.

const processes = 4;
const terminals = 30;
const messages = 10;
const all = processes * terminals * messages;
const module = join(import.meta.dirname, 'claudelet-race-process.ts');

describe('Claudelet C1: 120 terminals save one session at once', () => {
  it.each([0, 3])('the daemon is killed %i times in the middle', async (kills) => {
    await using home = new TestHome();
    let daemon = await home.start();
    const client = home.client();
    await client.sessions.create({ id: 'shared' });
    const acknowledged: Acknowledged[] = [];
    const workers = Array.from({ length: processes }, (_, index) => {
      const args = [index * terminals, terminals, messages].map(String);
      const worker = runProcess<Acknowledged>(module, args, { HOLDFAST_HOME: home.home });
      worker.child.on('message', (write: Acknowledged) => acknowledged.push(write));
      return worker;
    });
    const done = Promise.all(workers.map((worker) => worker.done));
    for (let kill = 1; kill <= kills; kill++) {
      const enough = Math.floor((all * kill) / (kills + 1));
      await Promise.race([
        done,
        until(`writes go on before kill ${kill}`, () => acknowledged.length >= enough, 60_000),
      ]);
      expect(await daemon.end('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' });
      daemon = await home.start();
    }
    await done;

    expect(acknowledged).toHaveLength(all);
    const stored = await readBack(client, ['shared']);
    expect(judge(acknowledged, stored)).toEqual(clean);
    expect(stored.sessions.get('shared')).toHaveLength(all);
    expect(await client.sessions.get({ id: 'shared' })).toMatchObject({ messageCount: all, inputTokens: all });
  });

  it('red control: terminals that save the whole document over one another lose messages', async () => {
    await using home = new TestHome();
    await home.start();
    const client = home.client();
    await client.sessions.create({ id: 'shared' });
    const acknowledged: Acknowledged[] = [];
    const terminal = async (writer: number) => {
      for (let n = 1; n <= 5; n++) {
        const { items } = await client.sessions.messages({ id: 'shared', limit: 1000 });
        const own = items.map(({ id: _id, seq: _seq, ...message }: { [name: string]: unknown }) => message);
        await client.sessions.replace({ id: 'shared', messages: [...own, { writer, n }], allowShrink: true });
        acknowledged.push({ session: 'shared', writer, n });
      }
    };
    await Promise.all(Array.from({ length: 20 }, (_, writer) => terminal(writer)));
    expect(judge(acknowledged, await readBack(client, ['shared'])).lost).not.toEqual([]);
  });
});
