import { connect } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';

// What credentials cost beside a plain record: medians over the client library, one caller, all in one run.
//
//   node test/bench/auth.ts

const times = 2000;

async function median(action: (n: number) => Promise<unknown>, count = times): Promise<string> {
  const took: number[] = [];
  for (let n = 0; n < count; n++) {
    const start = performance.now();
    await action(n);
    took.push(performance.now() - start);
  }
  return (took.toSorted((a, b) => a - b)[Math.floor(count / 2)] ?? 0).toFixed(3);
}

await using home = new TestHome();
await home.start();
await using client = connect({ app: 'bench', socket: home.paths.socket });
const url = 'https://example.org/feed.xml';
const profile = 'work';
const accessToken = 'a'.repeat(1500);
await client.auth.put({ profile, kind: 'oauth', accessToken, refreshToken: 'r', expiresAt: '2100-01-01T00:00:00Z' });
await client.feeds.put({ name: 'plain', url });
for (let n = 0; n < 1000; n++) {
  const auth = { kind: 'basic', username: 'user', password: `password ${n}` } as const;
  await client.feeds.put({ app: 'sealed', name: `feed ${n}`, url, auth });
  await client.feeds.put({ app: 'open', name: `feed ${n}`, url });
}
const rows: Record<string, [sealed: string, plain: string]> = {
  'read one': [
    await median(() => client.auth.token({ profile })),
    await median(() => client.feeds.get({ name: 'plain' })),
  ],
  'write one': [
    await median((n) => client.auth.put({ profile: 'key', kind: 'api-key', apiKey: `key ${n}` })),
    await median((n) => client.feeds.put({ name: 'plain', url, category: String(n) })),
  ],
  'list 1,000': [
    await median(() => client.feeds.list({ app: 'sealed', limit: 1000 }), 50),
    await median(() => client.feeds.list({ app: 'open', limit: 1000 }), 50),
  ],
  'a refresh that is not needed': [
    await median(() => client.auth.refresh({ profile })),
    await median((n) => client.feeds.patch({ name: 'plain', patch: { category: String(n) } })),
  ],
};
for (const [what, [sealed, plain]] of Object.entries(rows)) {
  console.log(
    `${what.padEnd(30)} sealed ${sealed} ms, plain ${plain} ms: x${(Number(sealed) / Number(plain)).toFixed(2)}`,
  );
}
