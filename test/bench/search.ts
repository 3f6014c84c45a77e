import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestHome } from '../helpers/daemon.ts';
import { Tree } from '../helpers/tree.ts';
import { load, makeSessions, type LoadResult } from './load.ts';
import { RawClient } from './raw-client.ts';

// What a search takes, and what it costs those who append.
//
//   node test/bench/search.ts [stored messages; 0 for the appends alone] [rounds of appends; 0 for the searches alone]

const stored = Number(process.argv[2] ?? 1_000_000);
const rounds = Number(process.argv[3] ?? 3);
const perCall = 1000;

// Words as people use them: the n-th most common one comes 1/n times as often as the first (Zipf).
const vocabulary = 50_000;
const syllables = 'ba ce di fo gu ha je ki lo mu na pe ri so tu va we xi yo zu'.split(' ');
function wordOf(rank: number): string {
  let text = '';
  for (let left = rank; left > 0; left = Math.floor(left / syllables.length))
    text += syllables[left % syllables.length];
  return `${text}q`;
}
const words = Array.from({ length: vocabulary }, (_, index) => wordOf(index + 1));
const zipf = () => words[Math.floor(vocabulary ** Math.random()) - 1] ?? '';

function message(n: number): object {
  let content = '';
  while (content.length < 470) content += `${zipf()} `;
  return { role: n % 10 === 0 ? 'user' : 'assistant', content };
}

interface Progress {
  indexedTo: number;
  head: number;
}
async function progress(client: RawClient): Promise<Progress> {
  return JSON.parse(await client.send('GET', '/v1/search?q=none&limit=1')) as Progress;
}

/** Waits until everything can be found. A search puts the indexing off, so it asks seldom. */
async function level(socket: string): Promise<void> {
  const client = await RawClient.open(socket);
  for (let at = await progress(client); at.indexedTo < at.head; at = await progress(client)) await sleep(2000);
  client.close();
}

async function fill(socket: string): Promise<void> {
  const client = await RawClient.open(socket);
  let start = performance.now();
  for (let part = 0; part < stored / perCall; part++) {
    const id = `s${part}`;
    await client.send('POST', '/v1/apps/bench/sessions', JSON.stringify({ id }));
    const messages = Array.from({ length: perCall }, (_, n) => message(part * perCall + n));
    await client.send('POST', `/v1/apps/bench/sessions/${id}/messages`, JSON.stringify({ messages }));
  }
  const filled = performance.now() - start;
  start = performance.now();
  const before = await progress(client);
  await level(socket);
  const took = (performance.now() - start) / 1000;
  console.log(
    `${stored} messages stored in ${(filled / 1000).toFixed(0)} s, ${before.indexedTo} indexed by then, all after ${took.toFixed(0)} s more\n`,
  );
  client.close();
}

const at = (times: number[], share: number) =>
  (times.toSorted((a, b) => a - b)[Math.floor(times.length * share)] ?? 0).toFixed(1);

const near = (rank: number) => words[rank - 1 + Math.floor(Math.random() * Math.max(1, rank / 10))] ?? '';
const queries: [string, () => string][] = [
  ['a rare word', () => near(40_000)],
  ['a middling word', () => near(2000)],
  ['a common word', () => near(100)],
  ['the commonest word', () => near(1)],
  ['two common words', () => `${near(20)} ${near(100)}`],
  ['a common and a rare word', () => `${near(1)} ${near(20_000)}`],
  ['a phrase of common words', () => `"${near(1)} ${near(3)}"`],
  ['a phrase that is rare', () => `"${near(5)} ${near(7)} ${near(9)}"`],
  ['five common words', () => [1, 2, 3, 4, 5].map(near).join(' ')],
  ['a word that is none', () => 'none'],
];
const filters: [string, (middle: string) => string][] = [
  ['', () => ''],
  ['one session', () => `&session=s${Math.floor((Math.random() * stored) / perCall)}`],
  ['role=user', () => '&role=user'],
  ['after the middle', (middle) => `&after=${middle}`],
  ['before the middle', (middle) => `&before=${middle}`],
];

async function measure(client: RawClient, path: () => string) {
  const times: number[] = [];
  let last = { items: [] as object[], order: '' };
  for (const start = performance.now(); times.length < 200 && performance.now() - start < 20_000;) {
    const query = path();
    const before = performance.now();
    const text = await client.send('GET', query);
    times.push(performance.now() - before);
    last = JSON.parse(text) as typeof last;
  }
  return `${at(times, 0.5)} | ${at(times, 0.99)} | ${times.length} | ${last.items.length} by ${last.order}`;
}

async function searches(socket: string): Promise<void> {
  const client = await RawClient.open(socket);
  const middlePath = `/v1/apps/bench/sessions/s${Math.floor(stored / perCall / 2)}`;
  const { updatedAt } = JSON.parse(await client.send('GET', middlePath)) as { updatedAt: string };
  console.log('| first page of 20 for | filter | p50 ms | p99 ms | searches | hits |\n|---|---|---|---|---|---|');
  for (const [name, query] of queries) {
    for (const [filter, suffix] of filters) {
      const path = () => `/v1/apps/bench/search?q=${encodeURIComponent(query())}${suffix(updatedAt)}`;
      console.log(`| ${name} | ${filter} | ${await measure(client, path)} |`);
    }
    const everywhere = await measure(client, () => `/v1/search?q=${encodeURIComponent(query())}`);
    console.log(`| ${name} | everywhere | ${everywhere} |`);
  }
  client.close();
}

// Appends: our daemon beside the same one that never feeds its index. Under a load without pauses the index is fed from
// the eleventh second on: what comes before is not measured. The one not measured has nothing to do.
const warmUpMs = 11_000;
const measuredMs = 5_000;

function withoutIndexing(tree: Tree): void {
  const file = tree.file('daemon/store/sqlite/reader.ts');
  const text = readFileSync(file, 'utf8');
  const changed = text.replace('  changed(): void {\n', '  changed(): void {\n    if (this.#next >= 0) return;\n');
  if (changed === text) throw new Error('reader.ts has no such changed()');
  writeFileSync(file, changed);
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const rateOf = (results: LoadResult[]) => median(results.map(({ messagesPerSecond }) => messagesPerSecond));

async function appends(): Promise<void> {
  using tree = new Tree();
  withoutIndexing(tree);
  await using on = new TestHome();
  await using off = new TestHome();
  await Promise.all([on.start(), off.start(tree.daemon)]);
  console.log(
    '\n| callers | appends/s with search | without | with / without | in each round | p99 ms with | without |',
  );
  console.log('|---|---|---|---|---|---|---|');
  for (const home of [on, off]) await makeSessions(home.paths.socket, 32);
  for (const callers of [1, 32]) {
    const results: [LoadResult[], LoadResult[]] = [[], []];
    for (let round = 0; round < rounds; round++) {
      for (const index of round % 2 === 0 ? [0, 1] : [1, 0]) {
        const { socket } = [on, off][index]?.paths ?? on.paths;
        const cell = { callers, perCall: 1, sessions: 32, withId: false };
        await load(socket, { ...cell, ms: warmUpMs });
        results[index]?.push(await load(socket, { ...cell, ms: measuredMs }));
        await level(on.paths.socket);
      }
    }
    const [withSearch, without] = results;
    const ratios = withSearch.map(
      ({ messagesPerSecond }, n) => messagesPerSecond / (without[n]?.messagesPerSecond ?? 1),
    );
    const p99 = results.map((some) => median(some.map((result) => result.p99)).toFixed(2));
    const rates = [rateOf(withSearch), rateOf(without)].map(Math.round);
    console.log(
      `| ${[callers, ...rates, median(ratios).toFixed(2), ratios.map((each) => each.toFixed(2)).join(' '), ...p99].join(' | ')} |`,
    );
  }
}

if (stored > 0) {
  await using home = new TestHome();
  await home.start();
  await fill(home.paths.socket);
  await searches(home.paths.socket);
}
if (rounds > 0) await appends();
