import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject } from '../../shared/json.ts';
import { readOpml, type Feed } from './opml.ts';

const fixtures = join(import.meta.dirname, '..', 'fixtures');

/** A recorded session of a command-line coding agent. */
export interface Recording {
  name: string;
  messages: JsonObject[];
}

export function readRecordings(): Recording[] {
  const directory = join(fixtures, 'sessions');
  const files = readdirSync(directory).filter((file) => file.endsWith('.json'));
  return files.toSorted().map((file) => {
    const { messages } = JSON.parse(readFileSync(join(directory, file), 'utf8')) as Pick<Recording, 'messages'>;
    return { name: file.slice(0, -'.json'.length), messages };
  });
}

export function readFeeds(): Feed[] {
  return readOpml(readFileSync(join(fixtures, 'feeds.opml'), 'utf8'));
}
