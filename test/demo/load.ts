import { setTimeout as sleep } from 'node:timers/promises';
import type { JsonObject } from '../../shared/json.ts';
import type { Recording } from './fixtures.ts';
import type { Feed } from './opml.ts';
import { episodeRef, feedRef, sessionRef, shared, withRef, type Kind, type Report, type Storage } from './storage.ts';

/** One CLI: replays recordings message by message and keeps feeds, until it is told to stop. */
export async function replay(
  storage: Storage,
  number: number,
  name: string,
  { recordings, feeds }: { recordings: Recording[]; feeds: Feed[] },
  report: (report: Report) => void,
  stopped: () => boolean,
): Promise<void> {
  const added = new Set<string>();
  let at = { recording: '', line: 0, of: 0 };
  /** Makes one write; `write` answers how it is called when it was one, or undefined when there was nothing to do. */
  const attempt = async (kind: Kind, write: () => Promise<string | undefined>) => {
    const begin = performance.now();
    try {
      const acknowledged = await write();
      if (acknowledged === undefined) return;
      report({ acknowledged, kind, ms: performance.now() - begin, ...at });
    } catch (error) {
      report({ error: error instanceof Error ? error.message : String(error) });
      await sleep(50);
    }
  };
  const create = (id: string) =>
    attempt('messages', async () => ((await storage.createSession(id)) ? sessionRef(id) : undefined));
  const append = (session: string, write: string, message: JsonObject) =>
    attempt('messages', async () => {
      const marked = withRef(message, write);
      await storage.append(session, marked.message);
      return marked.ref;
    });
  const hear = async (feed: Feed, episode: string) => {
    if (!added.has(feed.name)) {
      await attempt('feeds', async () => ((await storage.addFeed(feed)) ? feedRef(feed.name) : undefined));
      added.add(feed.name);
    }
    await attempt('feeds', async () => {
      await storage.markHeard(feed.name, episode);
      return episodeRef(feed.name, episode);
    });
  };

  await create(shared);
  let step = 0;
  for (let round = 0; ; round++) {
    const recording = recordings[(number + round) % recordings.length];
    if (!recording) throw new Error('there are no recordings to replay');
    const session = `${name}.${round}`;
    at = { recording: recording.name, line: 0, of: recording.messages.length };
    await create(session);
    for (const message of recording.messages) {
      if (stopped()) return;
      at = { ...at, line: at.line + 1 };
      const write = `${session}.${at.line}`;
      await append(session, write, message);
      // Two of three steps also touch what the other seven touch at the same time.
      if (step % 3 === 1) await append(shared, `${write}.shared`, message);
      // Every other episode is of the one feed that everybody follows.
      const feed = feeds[step % 6 === 2 ? 0 : Math.floor(step / 6) % feeds.length];
      if (step % 3 === 2 && feed) await hear(feed, write);
      step += 1;
    }
  }
}
