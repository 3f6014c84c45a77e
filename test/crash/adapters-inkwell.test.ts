import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { configFile } from '../helpers/adapters/inkwell-config-file.ts';
import { configManager, type FeedConfig } from '../helpers/adapters/inkwell-config.ts';
import { costTracker } from '../helpers/adapters/inkwell-costs.ts';
import { interviewManager } from '../helpers/adapters/inkwell-interviews.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { runProcess } from '../helpers/processes.ts';
import { until } from '../helpers/wait.ts';
import type { InkwellReport } from './adapters-inkwell-process.ts';

// Inkwell's config manager, cost tracker and interview session manager on top of the client: what four processes at once
// were told is stored is there, over a kill of the daemon between.

const module = join(import.meta.dirname, 'adapters-inkwell-process.ts');
const workers = 4;
const interviews = ['interview-0', 'interview-1'];
const episode = {
  episode_url: 'https://example.org/1',
  episode_title: 'One',
  podcast_name: 'Example',
  template_name: 'reflective',
  max_questions: 5,
};

let home: TestHome;
let daemon: DaemonProcess;
let client: Client;
beforeAll(async () => {
  home = new TestHome();
  daemon = await home.start();
  client = home.client({ app: 'inkwell', deadlineMs: 90_000 });
});
afterAll(() => home[Symbol.asyncDispose]());

const feed = (template: string): FeedConfig => {
  return { url: 'https://example.org/feed.xml', auth: { type: 'none' }, custom_templates: [template] };
};

/** Which of the feeds that were acknowledged a list does not have as they were added. */
const lost = (added: string[], listed: Map<string, { custom_templates: string[] }>) =>
  added.filter((name) => listed.get(name)?.custom_templates[0] !== name.replace('feed-', ''));

describe('four processes of Inkwell at once, and the daemon is killed', () => {
  let reports: InkwellReport[];
  let tracked = 0;
  beforeAll(async () => {
    const manager = interviewManager(client);
    for (const id of interviews) await manager.createSession({ session_id: id, ...episode });
    const env = { HOLDFAST_HOME: home.home };
    const running = Array.from({ length: workers }, (_, n) => runProcess<InkwellReport>(module, [String(n)], env).done);
    const ended = { all: false };
    const all = Promise.all(running).finally(() => (ended.all = true));
    // Somebody abandons and cleans up without a pause, as every process of the reviewed application did at its start.
    const sweeping = (async () => {
      while (!ended.all) {
        await manager.abandonTimedOut(0);
        await manager.cleanupOldSessions();
      }
    })();
    const records = async () => (await costTracker(client).getSummary()).total_operations;
    await until('some costs are tracked', async () => (await records()) > 8, 60_000);
    await daemon.end('SIGKILL');
    daemon = await home.start();
    tracked = await records();
    reports = (await all).flat();
    await sweeping;
  }, 110_000);

  it('M5, P2.8: 4 x 50 equal costs are 200, in the list and in the sums (the reviewed application kept 190)', async () => {
    const costs = costTracker(client);
    expect(await costs.getSummary({ provider: 'gemini' })).toEqual({
      total_operations: 200,
      total_input_tokens: 2000,
      total_output_tokens: 200,
      total_cost_usd: 0.2,
      unknown_cost_operations: 0,
      costs_by_provider: { gemini: 0.2 },
    });
    expect(new Set((await costs.getRecent(1000)).map(({ usage_id }) => usage_id)).size).toBe(200);
    // Red control: it was killed in the middle.
    expect(tracked).toBeLessThan(200);
  });

  it('P1.1: every feed and every plugin is there; a name that all of them add is one of theirs', async () => {
    const config = configManager(client);
    const listed = await config.listFeeds();
    const feeds = reports.flatMap((report) => report.feeds);
    expect(feeds).toHaveLength(workers * 10);
    expect(lost(feeds, listed)).toEqual([]);
    const shared = reports.flatMap((report) => report.shared);
    expect(shared.toSorted()).toEqual(Array.from({ length: 10 }, (_, n) => `shared-${n * 5}`).toSorted());
    expect(listed.size).toBe(feeds.length + shared.length);
    const enabled = reports.flatMap((report) => report.plugins).map((name) => [name, { enabled: true }]);
    expect(enabled).toHaveLength(workers * 10);
    expect(await config.loadConfig()).toEqual({ plugins: Object.fromEntries(enabled) as object });
  });

  it('P1.2: no exchange is lost, though somebody abandons and cleans up all the time', async () => {
    const stored = await Promise.all(
      interviews.map(async (id) => {
        const { exchanges } = await interviewManager(client).loadSession(id);
        return exchanges.map(({ question, response }) => {
          expect(response.text).toBe(`answer ${question.id}`);
          return `${id} ${question.id}`;
        });
      }),
    );
    const told = reports.flatMap(({ exchanges }) => exchanges);
    expect(told).toHaveLength(workers * 10);
    expect(stored.flat().toSorted()).toEqual(told.toSorted());
  });
});

describe('P1.1: feeds that are added at once', () => {
  const names = Array.from({ length: 20 }, (_, n) => `feed-${n}`);
  const add = async (manager: { addFeed(name: string, config: FeedConfig): Promise<void> }) => {
    const told = await Promise.allSettled(names.map((name) => manager.addFeed(name, feed(name.replace('feed-', '')))));
    return names.filter((_, n) => told[n]?.status === 'fulfilled');
  };

  it('are all there', async () => {
    const manager = configManager(home.client({ app: 'at-once' }));
    const added = await add(manager);
    expect(added).toEqual(names);
    expect(lost(added, await manager.listFeeds())).toEqual([]);
  });

  it('red control: in a file, as the reviewed application kept them, some are lost', async () => {
    const manager = configFile(join(home.home, 'feeds.json'));
    const added = await add(manager);
    const listed = await manager.listFeeds().catch(() => new Map<string, FeedConfig>());
    expect(lost(added, listed).length).toBeGreaterThan(0);
  });
});
