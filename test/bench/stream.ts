import { readFileSync, writeFileSync } from 'node:fs';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { messagesOf, open } from '../helpers/streams.ts';
import { message } from './load.ts';

// How fast a session is streamed and exported, and what that costs the daemon in memory: each in a daemon of its own,
// which has held nothing large before. Linux, for it reads /proc.
//
//   node test/bench/stream.ts [megabytes, 100 when absent] [bytes per message, 10000 when absent]

const megabytes = Number(process.argv[2] ?? 100);
const bytesEach = Number(process.argv[3] ?? 10_000);
const perCall = Math.max(1, Math.min(1000, Math.floor(10_000_000 / bytesEach)));
const total = Math.ceil((megabytes * 1_000_000) / bytesEach);

const fields = (n: number) => {
  const text = JSON.stringify(message(n, false));
  return { role: 'user', n, content: text.repeat(Math.ceil(bytesEach / text.length)).slice(0, bytesEach) };
};

function memoryOf(daemon: DaemonProcess) {
  const status = readFileSync(`/proc/${daemon.pid}/status`, 'utf8');
  const megabytesOf = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1000;
  return { now: megabytesOf('VmRSS'), peak: megabytesOf('VmHWM') };
}

await using home = new TestHome();
let daemon = await home.start();
const client = home.client();
for (const id of ['long', 'other']) await client.sessions.create({ id });
for (let n = 0; n < total; n += perCall) {
  const messages = Array.from({ length: Math.min(perCall, total - n) }, (_, index) => fields(n + index));
  await client.sessions.append({ id: 'long', messages });
}
// So that the index is level and does not work beside what is measured.
await client.search.messages({ q: 'nothing', fresh: true });

async function measure(name: string, work: () => Promise<number>): Promise<void> {
  await daemon.end();
  daemon = await home.start();
  await client.system.health();
  writeFileSync(`/proc/${daemon.pid}/clear_refs`, '5');
  const before = memoryOf(daemon).now;
  const start = performance.now();
  const bytes = await work();
  const seconds = (performance.now() - start) / 1000;
  const { peak } = memoryOf(daemon);
  const speed = bytes / 1_000_000 / seconds;
  console.log(
    `${name}: ${(bytes / 1_000_000).toFixed(0)} MB at ${speed.toFixed(0)} MB/s, memory ${before.toFixed(0)} MB, at most +${(peak - before).toFixed(0)} MB`,
  );
}

const raw = async (path: string, headers?: Record<string, string>) => {
  let bytes = 0;
  for await (const chunk of await open(home.paths.socket, path, headers)) bytes += (chunk as Buffer).length;
  return bytes;
};
const exported = (format: string) => raw(`/v1/apps/test/sessions/long/export?format=${format}`, {});

await measure('stream, read as bytes', () => raw(messagesOf('long')));
await measure('stream, by the library', async () => {
  let bytes = 0;
  for await (const line of client.sessions.stream({ id: 'long' })) bytes += 'content' in line ? bytesEach : 0;
  return bytes;
});
await measure('stream, by the library, with an append per MB', async () => {
  let bytes = 0;
  for await (const line of client.sessions.stream({ id: 'long' })) {
    const before = Math.floor(bytes / 1_000_000);
    bytes += 'content' in line ? bytesEach : 0;
    if (Math.floor(bytes / 1_000_000) === before) continue;
    await client.sessions.append({ id: 'other', messages: [{ role: 'user', content: 'meanwhile' }] });
  }
  return bytes;
});
for (const format of ['markdown', 'json', 'ndjson']) await measure(`export as ${format}`, () => exported(format));
