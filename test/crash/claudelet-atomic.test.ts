import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { send } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { halves, partsOf, sendTurn, turn } from './claudelet-turns.ts';

// Invariant: whenever the daemon is killed, a turn's messages, cost, status, deliveries and the end of its draft are
// all there or none of them is.

const preload = pathToFileURL(join(import.meta.dirname, 'claudelet-kill-at-step.ts')).href;
const killedAt = (step: number) => ({
  env: { NODE_OPTIONS: `--import=${preload}`, HOLDFAST_TEST_STEP: String(step) },
});
const fatal = 'killed in the middle';

describe('Claudelet M4: a turn is visible as a whole', () => {
  it('killed before each statement of its transaction, and after it: all or nothing, and once by its key', async () => {
    await using home = new TestHome();
    const client = home.client();
    const ids: string[] = [];
    for (let status = 0; status === 0;) {
      const id = `step ${ids.length + 1}`;
      const daemon = await home.start(killedAt(ids.length + 1));
      await client.sessions.create({ id });
      await client.drafts.put({ id, text: '1' });
      status = await sendTurn(home.paths.socket, encodeURIComponent(id), turn(1, fatal), id);
      ids.push(id);
      const exit = status === 0 ? await daemon.exited : await daemon.end('SIGKILL');
      expect(exit).toEqual({ code: null, signal: 'SIGKILL' });
    }
    await home.start();
    const found = new Map<number, string[]>();
    for (const id of ids) {
      const parts = await partsOf(client, id);
      expect(halves(parts, 0)).toEqual([]);
      const turns = parts.counts[0] ?? 0;
      found.set(turns, [...(found.get(turns) ?? []), id]);
      expect(await sendTurn(home.paths.socket, encodeURIComponent(id), turn(1, fatal), id)).toBe(201);
      const whole = await partsOf(client, id);
      expect({ ...whole, wrong: halves(whole, 1) }).toMatchObject({ status: 'completed', draft: null, wrong: [] });
      expect(whole.counts).toEqual([1, 1, 1, 1, 1, 1]);
    }
    // The kills reached into the transaction, up to its commit.
    expect(found.get(0)?.length).toBeGreaterThan(8);
    expect(found.get(1)?.length).toBeGreaterThan(0);
  });

  it('killed at any moment of many turns: never a part of one', async () => {
    await using home = new TestHome();
    let daemon = await home.start();
    const client = home.client();
    const id = 'many';
    const { socket } = home.paths;
    await client.sessions.create({ id });
    for (let kill = 0, turns = 0; kill < 10; kill++) {
      let killing: Promise<unknown> | undefined;
      const enough = turns + Math.floor(Math.random() * 8);
      for (let status = 201; status === 201;) {
        const n = turns + 1;
        if (n > enough) killing ??= soon(Math.floor(Math.random() * 40)).then(() => daemon.end('SIGKILL'));
        const draft = await send(socket, 'PUT', `/v1/apps/test/sessions/${id}/draft`, { text: String(n) }).catch(
          () => undefined,
        );
        status = draft ? await sendTurn(socket, id, turn(n), `turn ${n}`) : 0;
        if (status === 201) turns = n;
      }
      await killing;
      daemon = await home.start();
      const parts = await partsOf(client, id);
      expect(halves(parts, turns)).toEqual([]);
      turns = parts.counts[0] ?? 0;
    }
  });

  it('red control: a turn in two calls shows half of it when the second one is killed', async () => {
    await using home = new TestHome();
    const client = home.client();
    const daemon = await home.start(killedAt(1));
    await client.sessions.create({ id: 's' });
    await client.drafts.put({ id: 's', text: '1' });
    const { status: _, usage: __, ...first } = turn(1);
    expect(await sendTurn(home.paths.socket, 's', first, 'first')).toBe(201);
    const patch = { title: fatal, status: 'completed' };
    const second = await send(home.paths.socket, 'PATCH', '/v1/apps/test/sessions/s', { patch }).catch(() => undefined);
    expect(second).toBeUndefined();
    await daemon.exited;
    await home.start();
    expect(halves(await partsOf(client, 's'), 0)).toEqual([
      'parts of turns: 1,1,1,0,0,0',
      'status active after 1 turns',
    ]);
  });
});

/** So many turns of the event loop. */
async function soon(turns: number): Promise<void> {
  for (let passed = 0; passed < turns; passed++) await nextTurn();
}
