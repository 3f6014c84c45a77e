import { TestHome } from '../helpers/daemon.ts';
import { RawClient } from './raw-client.ts';

// A million records of costs over a year: how fast they are stored, and how long summaries of them take (medians). A fifth
// of them has a session of its own, the most that sums by session can be told apart.
//
//   node test/bench/costs.ts [records]

const records = Number(process.argv[2] ?? 1_000_000);
const perCall = 1000;
const callers = 4;
const days = 365;
const start = Date.UTC(2025, 0, 1);
const oneOf = (names: string[], n: number) => names[n % names.length] ?? '';

function cost(n: number): object {
  const at = start + Math.floor((n / records) * days * 86_400_000);
  return {
    usageId: `0199${String(n).padStart(12, '0')}`,
    provider: oneOf(['claude', 'gemini', 'openai', 'local'], n),
    model: oneOf(['large', 'medium', 'small'], n >> 2),
    operation: oneOf(['chat', 'extraction', 'transcription', 'embedding'], n >> 4),
    session: n % 5 === 0 ? `own-${n}` : `shared-${n >> 7}`,
    feed: `feed-${(n >> 7) % 50}`,
    inputTokens: n % 5000,
    outputTokens: n % 700,
    costNanoUsd: n % 50 === 0 ? null : (n % 1000) * 10_000,
    at: new Date(at).toISOString(),
  };
}

await using home = new TestHome();
await home.start();
const clients = await Promise.all(Array.from({ length: callers }, () => RawClient.open(home.paths.socket)));
const began = performance.now();
let next = 0;
await Promise.all(
  clients.map(async (client) => {
    while (next < records) {
      const first = next;
      next += perCall;
      const calls = Array.from({ length: perCall }, (_, index) => ({
        op: 'costs.record',
        app: 'bench',
        input: cost(first + index),
      }));
      await client.send('POST', '/v1/batch', JSON.stringify({ atomic: true, calls }));
    }
  }),
);
const seconds = (performance.now() - began) / 1000;
console.log(
  `${records} records stored in ${seconds.toFixed(0)} s: ${Math.round(records / seconds)} a second, ${perCall} a call`,
);
const [client] = clients;
if (!client) throw new Error('no client');

async function ask(what: string, times = 9): Promise<void> {
  const took: number[] = [];
  let text = '';
  for (let n = 0; n < times; n++) {
    const before = performance.now();
    text = (await client?.send('GET', `/v1/apps/bench/${what}`)) ?? '';
    took.push(performance.now() - before);
  }
  const { groups, items } = JSON.parse(text) as { groups?: object[]; items?: object[] };
  const median = took.toSorted((a, b) => a - b)[Math.floor(times / 2)] ?? 0;
  console.log(`${what}: ${median.toFixed(1)} ms, ${(groups ?? items ?? []).length} rows`);
}
await ask('costs:summary?by=day&by=provider');
await ask('costs:summary?by=provider');
await ask('costs:summary?by=day&by=provider&by=model&by=operation&from=2025-06-01&to=2025-06-30');
await ask('costs:summary?by=feed', 3);
await ask('costs:summary?by=session&from=2025-06-01&to=2025-06-07', 3);
await ask('costs:summary?by=day&session=shared-777', 3);
await ask('costs?limit=20');
await ask('costs?limit=20&session=shared-777', 3);
for (const each of clients) each.close();
