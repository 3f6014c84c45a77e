import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root, TestHome } from '../helpers/daemon.ts';
import { Scrape } from '../helpers/metrics.ts';
import { refusal } from '../helpers/refusal.ts';

// Invariant: Prometheus' own tool takes what the daemon answers, and the rules do what they say.

/** Runs promtool; answers its exit code, and all that it said. */
function promtool(args: string[], input = ''): Promise<{ code: number; said: string }> {
  return new Promise((resolve) => {
    const child = execFile('promtool', args, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), said: stdout + stderr }),
    );
    child.stdin?.end(input);
  });
}

describe('promtool', () => {
  it('takes the metrics without a warning', async () => {
    await using home = new TestHome();
    await home.start();
    const client = home.client();
    await client.feeds.put({ name: 'x', url: 'https://example.org/' });
    await refusal(client.feeds.get({ name: 'none' }));
    await client.sessions.create({ id: 's' });
    await client.sessions.append({ id: 's', messages: [{ text: 'hello' }] });
    await client.search.messages({ q: 'hello', fresh: true });
    const { text } = await Scrape.of(home.paths.socket);
    expect(text).toContain('holdfast_app_messages{app="test"} 1');
    expect(await promtool(['check', 'metrics'], text)).toEqual({ code: 0, said: '' });
    // Red control: a name and a help that it does not like.
    const worse = text.replaceAll('holdfast_writes_total', 'holdfast_writes').replace(/^# HELP holdfast_wal.*\n/m, '');
    const { code, said } = await promtool(['check', 'metrics'], worse);
    expect([code, said]).toEqual([3, expect.stringMatching(/holdfast_wal_bytes[^]*holdfast_writes/)]);
  });

  it('takes the rules, and each of them is raised and cleared', async () => {
    const rules = join(root, 'daemon', 'monitoring', 'alerts.yml');
    expect(await promtool(['check', 'rules', rules])).toMatchObject({
      code: 0,
      said: expect.stringContaining('5 rules'),
    });
    const tests = join(root, 'test', 'fixtures', 'promtool', 'alerts.test.yml');
    expect(await promtool(['test', 'rules', tests])).toMatchObject({
      code: 0,
      said: expect.stringContaining('SUCCESS'),
    });
  });
});
