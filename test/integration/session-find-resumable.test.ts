import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { refusal } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

const found = async (client: Client, workingDirectory?: string) =>
  (await client.sessions.resumable(workingDirectory === undefined ? {} : { workingDirectory })).session?.id ?? null;
const touch = (client: Client, id: string) => client.sessions.append({ id, messages: [{ role: 'user' }] });

describe('the session to resume', () => {
  let home: TestHome;
  let apps = 0;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
  });
  afterAll(() => home[Symbol.asyncDispose]());
  const fresh = () => home.client({ app: `resume-${++apps}` });

  it('is none where there is none', async () => {
    const client = fresh();
    expect(await client.sessions.resumable()).toEqual({ session: null });
    for (const status of ['paused', 'completed', 'abandoned'] as const) await client.sessions.create({ status });
    expect(await client.sessions.resumable()).toEqual({ session: null });
  });

  it('is the active one that changed last, as the list answers it', async () => {
    const client = fresh();
    for (const id of ['a', 'b', 'c']) await client.sessions.create({ id });
    // Made in one millisecond, the last made is the newest.
    expect(await found(client)).toBe('c');
    const { updatedAt } = await client.sessions.get({ id: 'c' });
    await until('the clock moves on', () => Date.now() > Date.parse(updatedAt));
    await touch(client, 'a');
    const { items } = await client.sessions.list({ limit: 1 });
    expect(await client.sessions.resumable()).toEqual({ session: items[0] });
    await client.sessions.update({ id: 'a', patch: { status: 'completed' } });
    expect(await found(client)).toBe('c');
    await client.sessions.delete({ id: 'c' });
    expect(await found(client)).toBe('b');
  });

  it('is never one that somebody holds, and is free again when the lease is given up or has lapsed', async () => {
    const client = fresh();
    await client.sessions.create({ id: 'older' });
    await client.sessions.create({ id: 'newer' });
    const { token } = await client.leases.acquire({ id: 'newer', owner: 'terminal' });
    expect(await found(client)).toBe('older');
    await client.leases.release({ id: 'newer', token });
    expect(await found(client)).toBe('newer');
    for (const id of ['newer', 'older']) await client.leases.acquire({ id, owner: 'terminal', ttlMs: 100 });
    await until('a lease has lapsed', async () => (await found(client)) === 'newer');
  });

  it('is of the working directory that was asked for, character by character', async () => {
    const client = fresh();
    const directories = ['/home/u', '/home/u/', '/home/u/a b', '/home/ü', '/home/u\u0308', ''];
    for (const [index, workingDirectory] of directories.entries()) {
      await client.sessions.create({ id: `in ${index}`, workingDirectory });
    }
    await client.sessions.create({ id: 'nowhere' });
    for (const [index, directory] of directories.entries()) expect(await found(client, directory)).toBe(`in ${index}`);
    expect(await found(client, '/home')).toBeNull();
    expect(await found(client)).toBe('nowhere');
    await client.sessions.update({ id: 'in 0', patch: { workingDirectory: '/moved' } });
    expect(await found(client, '/home/u')).toBeNull();
    expect(await found(client, '/moved')).toBe('in 0');
    const long = client.sessions.resumable({ workingDirectory: 'x'.repeat(4097) });
    expect((await refusal(long)).details.errors?.map(({ path }) => path)).toEqual(['workingDirectory']);
  });

  it('goes to one of two terminals that start at once: the other one is refused its lease and looks again', async () => {
    const client = fresh();
    for (const id of ['a', 'b']) await client.sessions.create({ id });
    const resume = (owner: string): Promise<string> =>
      until('a session is free', async () => {
        const id = await found(client);
        if (id === null) return undefined;
        const lease = await client.leases.acquire({ id, owner }).catch(() => undefined);
        return lease && id;
      });
    expect((await Promise.all([resume('one'), resume('two')])).toSorted()).toEqual(['a', 'b']);
  });
});
