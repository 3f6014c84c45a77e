import { cpSync } from 'node:fs';
import type { Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { walk } from '../helpers/pages.ts';

// A store of sessions that are alike, to be damaged while no daemon runs.

export const count = 400;
export const names = Array.from({ length: count }, (_, n) => `session-${String(n).padStart(3, '0')}`);
export const sorts = ['id', 'createdAt', 'updatedAt'] as const;

/** A stopped store: each session has a message, its delivery and a draft. */
export async function makeStore(): Promise<TestHome> {
  const home = new TestHome();
  const daemon = await home.start();
  const client = home.client();
  // In turn, so that the rows of session n are the nth.
  for (const id of names) {
    await client.sessions.create({ id, title: `About ${id}`, model: 'fast', workingDirectory: '/home/dev/demo-app' });
    await client.sessions.append({ id, messages: [{ role: 'user', content: `hello ${id}` }], delivery: 'sent' });
  }
  await Promise.all(names.map((id) => client.drafts.put({ id, text: `so far ${id}` })));
  await daemon.end();
  return home;
}

/** A copy of a stopped store. */
export function copyOf(original: TestHome): TestHome {
  const home = new TestHome();
  cpSync(original.home, home.home, { recursive: true });
  return home;
}

export const listed = async (client: Client, sort: (typeof sorts)[number]) =>
  (await walk((cursor) => client.sessions.list({ sort, order: 'asc', limit: 150, ...cursor }))).flatMap(
    ({ items }) => items,
  );

/** What becomes of a call: the code it is refused with, or that it was answered. */
export const outcome = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'answered',
    ({ code, message }: { code?: string; message: string }) => code ?? message,
  );
/** What becomes of reading every session, each outcome once. */
export const outcomes = async (client: Client): Promise<string[]> =>
  distinct(await Promise.all(names.map((id) => outcome(client.sessions.get({ id })))));
export const distinct = (all: string[]): string[] => [...new Set(all)].toSorted();
