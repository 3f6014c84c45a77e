import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { send } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { Load } from '../helpers/load.ts';
import { clean, judge, readBack } from '../helpers/verdict.ts';
import { until } from '../helpers/wait.ts';

// Invariant: without its writer the daemon acknowledges nothing, tells every caller that waits, and ends with a code
// that makes a service manager start it again.

const preload = pathToFileURL(join(import.meta.dirname, 'kill-writer-thread.ts')).href;
const env = { NODE_OPTIONS: `--import=${preload}` };

describe('the writer thread dies under load', () => {
  it('answers what waits with 503, ends with 69 and has lost nothing acknowledged', async () => {
    await using home = new TestHome();
    const daemon = await home.start({ env });
    const client = home.client();
    await client.sessions.create({ id: 's' });
    const load = new Load(home.paths.socket, 's', 20);
    await until('some writes are acknowledged', () => load.acknowledged.length > 200);

    const sign = await send(home.paths.socket, 'POST', '/v1/apps/die/sessions', {});
    expect(sign).toMatchObject({ status: 503, json: { code: 'storage_failed', retryable: true } });
    expect(await daemon.exited).toEqual({ code: 69, signal: null });
    expect(daemon.stderr).toContain('The writer thread died');
    await load.end();
    expect(new Set(load.outcomes.map(({ status }) => status))).toEqual(new Set([201, 503, 0]));

    await home.start();
    expect(judge(load.acknowledged, await readBack(client, ['s']))).toEqual(clean);
  });

  it('red control: without the sign the same daemon goes on', async () => {
    await using home = new TestHome();
    const daemon = await home.start({ env });
    expect((await send(home.paths.socket, 'POST', '/v1/apps/live/sessions', {})).status).toBe(201);
    expect(await daemon.end()).toEqual({ code: 0, signal: null });
  });
});
