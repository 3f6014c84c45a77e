import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from '../../client/index.ts';
import type { Json, JsonObject } from '../../shared/json.ts';
import { root } from '../helpers/daemon.ts';
import { itemsOf, walk } from '../helpers/pages.ts';

/** A session as Claudelet writes it, unknown fields included. */
export type SessionData = JsonObject & {
  sessionId: string;
  createdAt: string;
  updatedAt: string;
  model: string;
  workingDirectory: string;
  messages: JsonObject[];
  inputTokens: number;
  outputTokens: number;
  status?: 'active' | 'completed';
};

interface Entry {
  path: string;
  session_id: string;
  messages?: number;
  expect: 'imported' | 'superseded';
}

const directory = join(root, 'test', 'fixtures', 'claudelet');
const manifest = JSON.parse(readFileSync(join(directory, 'manifest.json'), 'utf8')) as {
  big_bytes: number;
  entries: Entry[];
};
const longId = 'f4b6799d-26a4-4912-9412-ff02173d20a9';

/** The sessions that are valid, by file name; each in its newest state. */
export const validSessions: Entry[] = manifest.entries.filter(({ expect }) => expect === 'imported');

/** The session of a file of the manifest. */
export function load(name: string): SessionData {
  const entry = manifest.entries.find(({ path }) => path.includes(name));
  if (!entry) throw new Error(`the manifest has no ${name}`);
  const data =
    entry.session_id === longId
      ? longSession(entry.messages ?? 0)
      : (JSON.parse(readFileSync(join(directory, entry.path), 'utf8')) as SessionData);
  if (data.sessionId !== entry.session_id) throw new Error(`${name} holds another session`);
  if (entry.messages !== undefined && data.messages.length !== entry.messages) throw new Error(`${name} is not whole`);
  return data;
}

/** The long history: about `big_bytes` as Claudelet writes it, the same at every run. */
function longSession(count: number): SessionData {
  const line = 'const delay = base * 2 ** attempt; // naïve 日本語 👩‍👩‍👧‍👦 "quoted" \\ \t\n';
  const start = Date.UTC(2025, 11, 1);
  const messages = Array.from({ length: count }, (_, n): JsonObject => {
    const content = `${n}: ${line.repeat(24 + (n % 21))}`;
    const timestamp = new Date(start + n * 60_000).toISOString();
    if (n % 3 !== 1) return { role: n % 3 === 0 ? 'user' : 'assistant', content, timestamp };
    return { role: 'tool', content: '', timestamp, toolName: 'Read', toolInput: { offset: n }, toolResult: content };
  });
  return {
    sessionId: longId,
    createdAt: '2025-12-01T00:00:00.000Z',
    updatedAt: '2025-12-03T03:00:00.000Z',
    model: 'smart-opus',
    workingDirectory: '/home/dev/projects/demo-app',
    messages,
    inputTokens: 1_234_567,
    outputTokens: 345_678,
    status: 'completed',
  };
}

/** Size that a document of this many bytes should have. */
export const longBytes = manifest.big_bytes;

/** What of a session has columns of ours, and the rest as metadata; a session without status is over. */
export function aboutOf(data: SessionData) {
  const {
    sessionId,
    createdAt,
    model,
    workingDirectory,
    messages: _,
    inputTokens,
    outputTokens,
    status,
    ...rest
  } = data;
  const metadata: JsonObject = status === undefined ? { ...rest, defaulted: ['status'] } : rest;
  return {
    about: { id: sessionId, createdAt, model, workingDirectory, status: status ?? ('completed' as const), metadata },
    usage: { inputTokens, outputTokens },
  };
}

/** Saves a session as Claudelet does: whole. */
export const put = (
  client: Client,
  data: SessionData,
  guards: { expectedRevision?: string; allowShrink?: true } = {},
) => {
  const { about, usage } = aboutOf(data);
  return client.sessions.replace({ ...about, usage, messages: data.messages, ...guards });
};

/** Saves a session as an agent that writes what is new, `size` messages at a time. */
export async function append(client: Client, data: SessionData, size = 2): Promise<void> {
  const { about, usage } = aboutOf(data);
  const { id } = await client.sessions.create(about);
  for (let at = 0; at < data.messages.length; at += size) {
    const last = at + size >= data.messages.length;
    const messages = data.messages.slice(at, at + size);
    await client.sessions.append({ id, messages, expectedHead: at, ...(last && { usage }) });
  }
}

/** A stored session as Claudelet has it, read page by page, our ids and seqs left out. */
export async function read(client: Client, id: string): Promise<JsonObject> {
  const { metadata, ...session } = await client.sessions.get({ id });
  const stored = itemsOf(await walk((cursor) => client.sessions.messages({ id, limit: 1000, ...cursor })));
  const messages = stored.map(({ id: _id, seq: _seq, ...own }) => own) as Json[];
  const { updatedAt = session.updatedAt, defaulted, ...rest } = metadata as JsonObject;
  return {
    sessionId: session.id,
    createdAt: session.createdAt,
    updatedAt,
    model: session.model,
    workingDirectory: session.workingDirectory,
    messages,
    inputTokens: session.inputTokens,
    outputTokens: session.outputTokens,
    ...(defaulted === undefined && { status: session.status }),
    ...rest,
  };
}
