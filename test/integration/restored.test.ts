import { cpSync, renameSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { refusal } from '../helpers/refusal.ts';

// Invariant: after a copy of the data was put back, no revision or position from before it names anything; nothing else that
// becomes of a store takes them away.

let home: TestHome;
let client: Client;
const put = (url: string, expectedRevision?: string) =>
  client.feeds.put({ name: 'x', url: `https://example.org/${url}`, ...(expectedRevision && { expectedRevision }) });
const epochOf = ({ revision }: { revision: string }) => revision.split('.')[0];
const numberOf = ({ revision }: { revision: string }) => revision.split('.')[1];

/** Of the first feed; of one that was put after a kill, with the data moved away and back; of one that a restore lost. */
let first: { revision: string };
let moved: { revision: string };
let lost: { revision: string };

beforeAll(async () => {
  home = new TestHome();
  client = home.client();
  const { data } = home.paths;
  const daemon = await home.start();
  first = await put('first');
  await daemon.end('SIGKILL');
  renameSync(data, `${data}.moved`);
  cpSync(`${data}.moved`, `${data}.copy`, { recursive: true });
  renameSync(`${data}.moved`, data);
  const second = await home.start();
  moved = await put('moved', first.revision);
  lost = await put('lost');
  await second.end();
  rmSync(data, { recursive: true });
  cpSync(`${data}.copy`, data, { recursive: true });
  await home.start();
});
afterAll(() => home[Symbol.asyncDispose]());

it('a kill and a move change no revision (red control)', () => {
  expect(epochOf(moved)).toBe(epochOf(first));
});

it('a revision from before the restore is stale, whatever has its number by now', async () => {
  const again = [await put('theirs'), await put('more')];
  expect(again.map(numberOf)).toContain(numberOf(lost));
  for (const { revision } of [first, moved, lost]) {
    expect(await refusal(put('mine', revision))).toMatchObject({ code: 'stale' });
  }
  expect((await client.feeds.get({ name: 'x' })).url).toBe('https://example.org/more');
});

it('a position from before the restore is answered with reset', async () => {
  for (const { revision } of [first, lost]) {
    const changes = client.changes({ after: revision })[Symbol.asyncIterator]();
    expect(await refusal(changes.next())).toMatchObject({ code: 'reset' });
  }
});
