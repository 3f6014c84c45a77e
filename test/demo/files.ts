import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonObject } from '../../shared/json.ts';
import { episodeRef, feedRef, messageRef, sessionRef, shared, type Found, type Storage } from './storage.ts';
import { withLock } from './lock.ts';
import type { Feed } from './opml.ts';

// What command-line applications do today, done with care: a lock file per data file, the file is read again under
// the lock, and it is replaced by rename, so that nobody sees half of it. Most do less.

interface Session {
  id: string;
  messages: JsonObject[];
}
type Feeds = Record<string, Feed & { heard: string[] }>;

const sessionsOf = (directory: string) => join(directory, 'sessions');
const feedsFile = (directory: string) => join(directory, 'feeds.json');

/** An application's storage in JSON files. */
export function onFiles(directory: string): Storage {
  const sessions = sessionsOf(directory);
  mkdirSync(sessions, { recursive: true });
  const sessionFile = (id: string) => join(sessions, `${id}.json`);
  return {
    createSession: (id) => change<Session>(sessionFile(id), (session) => (session ? undefined : { id, messages: [] })),
    append: async (id, message) => {
      await change<Session>(sessionFile(id), (session) => ({ id, messages: [...(session?.messages ?? []), message] }));
    },
    addFeed: (feed) =>
      change<Feeds>(feedsFile(directory), (feeds = {}) =>
        feeds[feed.name] ? undefined : { ...feeds, [feed.name]: { ...feed, heard: [] } },
      ),
    markHeard: async (name, episode) => {
      await change<Feeds>(feedsFile(directory), (feeds) => {
        const feed = feeds?.[name];
        if (!feed) throw new Error(`the feed '${name}' is gone`);
        return { ...feeds, [name]: { ...feed, heard: [...feed.heard, episode] } };
      });
    },
  };
}

/** Reads a file, changes it and replaces it; answers false when there was nothing to change. */
export function change<T>(file: string, edit: (before: T | undefined) => T | undefined): Promise<boolean> {
  return withLock(`${file}.lock`, async () => {
    const after = edit(await read<T>(file));
    if (after === undefined) return false;
    const temporary = `${file}.${process.pid}.tmp`;
    await writeFile(temporary, JSON.stringify(after, null, 2));
    await rename(temporary, file);
    return true;
  });
}

/** A file's value; undefined when there is no file. */
export async function read<T>(file: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as T;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The locks that all processes meet at. */
export const contended = (directory: string) => [
  `${join(sessionsOf(directory), `${shared}.json`)}.lock`,
  `${feedsFile(directory)}.lock`,
];

/** Reads everything back from the files. */
export function readFiles(directory: string): Found {
  const found: Found = { messages: [], feeds: [], corrupt: 0 };
  const parse = (file: string): unknown => {
    try {
      return JSON.parse(readFileSync(file, 'utf8'));
    } catch {
      found.corrupt += 1;
      return undefined;
    }
  };
  for (const name of readdirSync(sessionsOf(directory)).filter((file) => file.endsWith('.json'))) {
    const session = parse(join(sessionsOf(directory), name)) as Session | undefined;
    if (!session) continue;
    found.messages.push(sessionRef(session.id), ...session.messages.flatMap((message) => messageRef(message) ?? []));
  }
  for (const [name, { heard }] of Object.entries((parse(feedsFile(directory)) ?? {}) as Feeds)) {
    found.feeds.push(feedRef(name), ...heard.map((episode) => episodeRef(name, episode)));
  }
  return found;
}
