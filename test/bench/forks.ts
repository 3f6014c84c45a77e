import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { connect, type Client } from '../../client/index.ts';
import { DaemonProcess, TestHome } from '../helpers/daemon.ts';
import { until } from '../helpers/wait.ts';
import { message } from './load.ts';

// What forks of a long session cost, and whether they are whole after their parent was replaced, deleted and erased.
//
//   node test/bench/forks.ts [megabytes of the session, 100] [forks, 10000]

const megabytes = Number(process.argv[2] ?? 100);
const forks = Number(process.argv[3] ?? 10_000);
const perCall = 5000;
/** Calls under way at once, as from so many instances of an application. */
const callers = 32;
/** Forks that are read from the first message to the last. */
const readWhole = 8;

const texts = (from: number) => Array.from({ length: perCall }, (_, n) => message(from + n) as { content: string });

/** Appends until the session holds as many bytes of JSON as asked; answers the content of every message. */
async function fill(client: Client): Promise<string[]> {
  const contents: string[] = [];
  await client.sessions.create({ id: 'parent', title: 'The parent', metadata: { kind: 'bench' } });
  for (let bytes = 0; bytes < megabytes * 1e6;) {
    const messages = texts(contents.length);
    for (let from = 0; from < perCall; from += 1000) {
      await client.sessions.append({ id: 'parent', messages: messages.slice(from, from + 1000) });
    }
    bytes += JSON.stringify(messages).length;
    for (const { content } of messages) contents.push(content);
  }
  return contents;
}

/** Bytes of database and WAL once the daemon has ended as asked. */
async function sizeAtEnd(home: TestHome, daemon: DaemonProcess): Promise<number> {
  const { code } = await daemon.end();
  if (code !== 0) throw new Error(`the daemon ended with ${code}: ${daemon.stderr}`);
  const { database } = home.paths;
  const wal = statSync(`${database}-wal`, { throwIfNoEntry: false });
  return statSync(database).size + (wal?.size ?? 0);
}

/** Every fork ends at another message; none has the last ones, which an erase of the parent must remove. */
const upToOf = (n: number, head: number) => head - perCall - (n % (head - perCall));

async function forkAll(client: Client, head: number): Promise<void> {
  let start = performance.now();
  let next = 0;
  let done = 0;
  const work = async () => {
    while (next < forks) {
      const n = next++;
      await client.sessions.fork({ id: 'parent', to: `fork-${n}`, upTo: upToOf(n, head) });
      if (++done % 1000 > 0) continue;
      console.log(`forks ${done - 999} to ${done}: ${((performance.now() - start) / 1000).toFixed(2)} s`);
      start = performance.now();
    }
  };
  await Promise.all(Array.from({ length: callers }, work));
}

/** Throws unless the fork holds exactly the first messages of its parent. */
async function check(client: Client, n: number, contents: string[]): Promise<void> {
  const upTo = upToOf(n, contents.length);
  let seq = 0;
  for await (const line of client.sessions.stream({ id: `fork-${n}` })) {
    if ('end' in line) continue;
    const { content } = line as { content?: string };
    if (!('seq' in line) || line.seq !== ++seq || content !== contents[seq - 1]) {
      throw new Error(`fork ${n}: message ${seq} is not its parent's: ${JSON.stringify(line).slice(0, 200)}`);
    }
  }
  if (seq !== upTo) throw new Error(`fork ${n} ended at ${seq}, not ${upTo}`);
}

/** Looks at the end of every fork, and reads some of them whole. */
async function checkAll(client: Client, contents: string[], when: string): Promise<void> {
  const start = performance.now();
  for (let n = 0; n < forks; n++) {
    const { items, head } = await client.sessions.messages({ id: `fork-${n}`, last: 1 });
    const [last] = items as { seq?: number; content?: string }[];
    const upTo = upToOf(n, contents.length);
    if (head !== upTo || last?.seq !== upTo || last.content !== contents[upTo - 1]) {
      throw new Error(`fork ${n} does not end as its parent did: ${JSON.stringify({ head, last })}`);
    }
  }
  for (let n = 0; n < forks; n += Math.ceil(forks / readWhole)) await check(client, n, contents);
  console.log(`${when}: every fork is whole (${((performance.now() - start) / 1000).toFixed(0)} s of checks)`);
}

await using home = new TestHome();
let daemon = await home.start();
const client = connect({ app: 'bench', socket: home.paths.socket, maxSockets: callers, deadlineMs: 120_000 });
const contents = await fill(client);
const before = await sizeAtEnd(home, daemon);
console.log(`a session of ${contents.length} messages; the store has ${(before / 1e6).toFixed(1)} MB`);

daemon = await home.start();
const start = performance.now();
await forkAll(client, contents.length);
const seconds = (performance.now() - start) / 1000;
const after = await sizeAtEnd(home, daemon);
const grown = after - before;
console.log(`${forks} forks: ${((seconds * 1000) / forks).toFixed(2)} s per thousand`);
console.log(`the store grew by ${(grown / 1e6).toFixed(2)} MB, ${Math.round(grown / forks)} bytes per fork`);

daemon = await home.start();
await checkAll(client, contents, 'before anything happened to the parent');
await client.sessions.replace({ id: 'parent', messages: [{ content: 'all other' }], allowShrink: true });
await checkAll(client, contents, 'after the parent was replaced');
await client.sessions.delete({ id: 'parent' });
await checkAll(client, contents, 'after it was deleted');
const erasing = performance.now();
await client.sessions.delete({ id: 'parent', erase: true });
const shared = upToOf(0, contents.length);
await until('the rows of the parent alone are gone', async () => (await storedMessages()) === shared, 60_000);
console.log(
  `${contents.length - shared} messages left with it in ${((performance.now() - erasing) / 1000).toFixed(1)} s`,
);
await checkAll(client, contents, 'after it was erased');
client.close();

/** Messages in the database, which no daemon has open for the moment. */
async function storedMessages(): Promise<number> {
  await sizeAtEnd(home, daemon);
  const db = new DatabaseSync(home.paths.database, { readOnly: true });
  const row = db.prepare('SELECT count(*) AS messages FROM log WHERE seq IS NOT NULL').get();
  db.close();
  daemon = await home.start();
  return Number(row?.['messages']);
}
