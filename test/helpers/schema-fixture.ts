import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { keyHeader } from '../../shared/headers.ts';
import type { Paths } from '../../shared/paths.ts';
import { curl } from './curl.ts';
import { root } from './daemon.ts';

/** Databases of every released schema, with what reads of them answer: made by make-schema-fixture.ts. */
export const fixtures = join(root, 'test', 'fixtures', 'schema');

interface Call {
  app: string;
  method: string;
  path: string;
  key?: string;
  /** JSON text. */
  body?: string;
}
export interface RecordedCall extends Call {
  status: number;
  answer: unknown;
}
export interface Recorded {
  schemaVersion: number;
  /** The holdfast that made it. */
  version: string;
  replays: RecordedCall[];
  reads: RecordedCall[];
}

/** The fixtures there are, as `0001`. */
export const fixtureNames = (): string[] =>
  readdirSync(fixtures)
    .filter((file) => file.endsWith('.db'))
    .map((file) => file.slice(0, -'.db'.length));

export const fixtureFile = (name: string) => join(fixtures, `${name}.db`);
export const recordedOf = (name: string) =>
  JSON.parse(readFileSync(join(fixtures, `${name}.json`), 'utf8')) as Recorded;

/** Puts a database, and the root key beside it if there is one, where a daemon of that home will open them. */
export function install(file: string, { data, database, config, rootKey }: Paths): void {
  mkdirSync(data, { recursive: true, mode: 0o700 });
  copyFileSync(file, database);
  const key = file.replace(/\.db$/, '.key');
  if (!existsSync(key)) return;
  mkdirSync(config, { recursive: true, mode: 0o700 });
  copyFileSync(key, rootKey);
  chmodSync(rootKey, 0o600);
}

export function ask(socket: string, { app, method, path, key, body }: Call) {
  const headers = {
    ...(key !== undefined && { [keyHeader]: key }),
    ...(body !== undefined && { 'content-type': 'application/json' }),
  };
  return curl(socket, method, `/v1/apps/${app}/${path}`, { headers, ...(body !== undefined && { body }) });
}

/**
 * Where `actual` says anything else than what was recorded, as paths. Fields may be added over the years, so an object
 * may have more than it had; nothing may be lost or changed. Entries, for a key may be `__proto__`.
 */
export function differences(recorded: unknown, actual: unknown, path = ''): string[] {
  if (typeof recorded !== 'object' || recorded === null || typeof actual !== 'object' || actual === null) {
    return Object.is(recorded, actual) ? [] : [`${path}: ${JSON.stringify(recorded)} became ${JSON.stringify(actual)}`];
  }
  if (Array.isArray(recorded) !== Array.isArray(actual)) return [`${path}: array and object`];
  if (Array.isArray(recorded) && Array.isArray(actual) && recorded.length !== actual.length) {
    return [`${path}: ${recorded.length} elements became ${actual.length}`];
  }
  const now = new Map<string, unknown>(Object.entries(actual));
  return Object.entries(recorded).flatMap(([name, value]) => {
    if (!now.has(name)) return [`${path}/${name}: gone`];
    // Cursors are made for a walk, by the code that answers it: only whether there is one counts.
    const [was, is] = name === 'nextCursor' ? [typeof value, typeof now.get(name)] : [value, now.get(name)];
    return differences(was, is, `${path}/${name}`);
  });
}

/** Asks all that was recorded, and answers where this daemon says something else. */
export async function unlike(socket: string, calls: RecordedCall[]): Promise<string[]> {
  const found: string[] = [];
  for (const call of calls) {
    const { status, json } = await ask(socket, call);
    const { status: then, answer } = call;
    // What a problem says is not what the database holds: only its code is.
    const [was, is] = then >= 400 ? [codeOf(answer), codeOf(json)] : [answer, json];
    found.push(
      ...differences([then, was], [status, is]).map((what) => `${call.method} ${call.app} ${call.path}${what}`),
    );
  }
  return found;
}

const codeOf = (problem: unknown) => (problem as { code: string }).code;
