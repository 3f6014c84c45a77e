import { describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { itemsOf, walk } from '../helpers/pages.ts';
import { refusal } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';
import { Terminal } from './lease-terminal.ts';

// Invariant: whatever happens to the process that holds a lease, what it wrote before somebody took over is there, and
// nothing of it is after. Finding: H8.

const id = 's';
const stored = async (client: Client) => itemsOf(await walk((cursor) => client.sessions.messages({ id, ...cursor })));
const holderOf = async (client: Client) => (await client.sessions.get({ id })).lease;
const lapsed = (client: Client) => until('the lease has ended', async () => (await holderOf(client)) === null);

/** Asks until the lease is free, and answers it with the refusals until then. */
async function takeOver(client: Client, owner: string) {
  const refusals = new Set<string>();
  const lease = await until('the lease is free', async () => {
    const outcome = await client.leases.acquire({ id, owner }).catch((error: unknown) => error);
    if (!(outcome instanceof Error)) return outcome as Awaited<ReturnType<Client['leases']['acquire']>>;
    const { code, details } = await refusal(Promise.reject(outcome));
    refusals.add(`${code} ${details.holder?.owner} ${details.holder?.client} ${details.holder?.pid}`);
    return undefined;
  });
  return { ...lease, refusals: [...refusals] };
}

const ownersAfter = (messages: Awaited<ReturnType<typeof stored>>, seq: number) => [
  ...new Set(messages.filter((message) => message.seq > seq).map(({ owner }) => owner)),
];

async function setUp() {
  const home = new TestHome();
  const daemon = await home.start();
  const client = home.client({ client: 'second/1' });
  await client.sessions.create({ id });
  return { home, daemon, client, [Symbol.asyncDispose]: () => home[Symbol.asyncDispose]() };
}
const write = (client: Client, lease?: string) =>
  client.sessions.append({ id, messages: [{ owner: 'second' }], ...(lease !== undefined && { lease }) });

describe.concurrent('acceptance 2: two terminals, one session', () => {
  it('H8: the holder is killed, the second sees it, takes over after its time, and a late write is fenced off', async () => {
    await using set = await setUp();
    const { home, client } = set;
    await using first = new Terminal(home, { id, owner: 'first', ttlMs: 4_000 });
    const token = await first.writing();
    expect(await holderOf(client)).toMatchObject({ owner: 'first', client: 'first/1', pid: first.pid });
    expect((await refusal(write(client))).details.holder).toMatchObject({ owner: 'first', pid: first.pid });

    first.signal('SIGKILL');
    await first.ended;
    const { token: mine, refusals } = await takeOver(client, 'second');
    expect(refusals).toEqual([`leased first first/1 ${first.pid}`]);
    const before = await stored(client);
    expect(before.map(({ seq }) => seq)).toEqual(before.map((_, index) => index + 1));
    expect(before.map(({ seq }) => seq)).toEqual(expect.arrayContaining(first.acknowledged));

    const late = await refusal(write(client, token));
    expect(late).toMatchObject({ code: 'fenced', status: 409, details: { holder: { owner: 'second' } } });
    expect(await stored(client)).toEqual(before);
    await write(client, mine);
    expect(ownersAfter(await stored(client), before.length)).toEqual(['second']);
  });

  it('red control: a holder that lives is not taken over, long after the time it was given', async () => {
    await using set = await setUp();
    await using first = new Terminal(set.home, { id, owner: 'first', ttlMs: 4_000 });
    await first.writing();
    await until('the first has outlived its time', async () => {
      const refused = await refusal(set.client.leases.acquire({ id, owner: 'second' }));
      const { since = '', expiresAt = '' } = refused.details.holder ?? {};
      return Date.parse(expiresAt) - Date.parse(since) > 8_000;
    });
    await first.goesOn();
    expect(first.refusal).toBeUndefined();
  });

  it('a holder that slept past its time goes on when nobody took over, and holds the lease again', async () => {
    await using set = await setUp();
    await using sleeper = new Terminal(set.home, { id, owner: 'sleeper', ttlMs: 3_000 });
    await sleeper.writing();
    const lease = await holderOf(set.client);
    sleeper.signal('SIGSTOP');
    await lapsed(set.client);
    sleeper.signal('SIGCONT');
    await sleeper.goesOn();
    const again = await until('the lease lives', () => holderOf(set.client));
    expect({ ...again, expiresAt: '' }).toEqual({ ...lease, expiresAt: '' });
    expect((await refusal(write(set.client))).code).toBe('leased');
    expect(sleeper.refusal).toBeUndefined();
  });

  it('a holder that slept while somebody took over is told by whom, and writes nothing', async () => {
    await using set = await setUp();
    const { home, client } = set;
    await using sleeper = new Terminal(home, { id, owner: 'sleeper', ttlMs: 3_000 });
    await sleeper.writing();
    sleeper.signal('SIGSTOP');
    const { token } = await takeOver(client, 'second');
    await write(client, token);
    const before = await stored(client);
    sleeper.signal('SIGCONT');
    await sleeper.ended;
    expect(sleeper.refusal).toMatchObject({ refused: 'fenced', holder: { owner: 'second', client: 'second/1' } });
    expect(await stored(client)).toEqual(before);
    // Neither when the second has gone: a token is void for good.
    await client.leases.release({ id, token });
    const [first] = sleeper.reports;
    const own = first && 'token' in first ? first.token : '';
    expect((await refusal(write(client, own))).code).toBe('fenced');
    expect(await stored(client)).toEqual(before);
  });

  it('red control: a sleeper without a token writes on as soon as the second is done', async () => {
    await using set = await setUp();
    const { home, client } = set;
    await using sleeper = new Terminal(home, { id, owner: 'sleeper', ttlMs: 0 });
    await sleeper.writing();
    sleeper.signal('SIGSTOP');
    const { token } = await takeOver(client, 'second');
    const { head } = await write(client, token);
    await client.leases.release({ id, token });
    sleeper.signal('SIGCONT');
    await sleeper.goesOn();
    expect(ownersAfter(await stored(client), head)).toEqual(['sleeper']);
  });

  it('a living holder is taken over by force, and ends with who did it; a restart of the daemon changes nothing', async () => {
    await using set = await setUp();
    const { home, client, daemon } = set;
    await using first = new Terminal(home, { id, owner: 'first', ttlMs: 60_000 });
    const token = await first.writing();
    await daemon.end('SIGKILL');
    await home.start();
    await first.goesOn();
    expect((await refusal(client.leases.acquire({ id, owner: 'second' }))).code).toBe('leased');
    const forced = await client.leases.acquire({ id, owner: 'second', force: true });
    const { head } = await write(client, forced.token);
    await first.ended;
    expect(first.refusal).toMatchObject({ refused: 'fenced', holder: { owner: 'second', pid: process.pid } });
    const messages = await stored(client);
    expect(ownersAfter(messages, head - 1)).toEqual(['second']);
    expect(first.acknowledged.every((seq) => messages[seq - 1]?.['owner'] === 'first')).toBe(true);
    expect((await refusal(write(client, token))).code).toBe('fenced');
  });
});
