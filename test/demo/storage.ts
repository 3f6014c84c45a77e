import { createHash } from 'node:crypto';
import type { JsonObject } from '../../shared/json.ts';
import type { Feed } from './opml.ts';

/** What an application keeps its data in. A promise that resolves tells the application: it is saved. */
export interface Storage {
  /** Answers false when a session of this id exists. */
  createSession(id: string): Promise<boolean>;
  append(session: string, message: JsonObject): Promise<void>;
  /** Answers false when a feed of this name exists. */
  addFeed(feed: Feed): Promise<boolean>;
  /** Reads the feed's list of episodes that were heard, adds one, writes it back. */
  markHeard(feed: string, episode: string): Promise<void>;
}

export type Kind = 'messages' | 'feeds';

/** What a CLI tells the demo. `acknowledged` names one write that it was told is saved. */
export type Report =
  | { ready: true }
  | { acknowledged: string; kind: Kind; ms: number; recording: string; line: number; of: number }
  | { error: string };

/** What is there after the load: writes by the names that were reported. */
export interface Found extends Record<Kind, string[]> {
  /** Files or records that cannot be read. */
  corrupt: number;
}

/** The session that all CLIs write to, as a person does who resumes it in a second terminal. */
export const shared = 'two-terminals';

// Each write has a name that what is stored can be recognised by.
export const sessionRef = (id: string) => `session ${id}`;
export const feedRef = (name: string) => `feed ${name}`;
export const episodeRef = (feed: string, episode: string) => `feed ${feed}, episode ${episode}`;

/** A message that carries the name of its write, with a digest that tells whether it is still what was sent. */
export function withRef(message: JsonObject, write: string): { ref: string; message: JsonObject } {
  const ref = `${write}#${digest(message)}`;
  return { ref, message: { ...message, ref } };
}

/** The write a stored message came from; undefined when it is not, to the last character, what was sent. */
export function messageRef(stored: JsonObject): string | undefined {
  const { id: _, seq: __, ref, ...message } = stored;
  return typeof ref === 'string' && ref.endsWith(`#${digest(message)}`) ? ref : undefined;
}

const digest = (message: JsonObject) => createHash('sha1').update(JSON.stringify(message)).digest('hex').slice(0, 12);
