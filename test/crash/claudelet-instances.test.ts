import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { runProcess } from '../helpers/processes.ts';
import { refusal } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';
import type { TerminalReport } from './claudelet-terminal-process.ts';

// Invariant: of two terminals in one session, the second knows who is there; once it took over, the first one, however
// late it wakes, changes nothing.

const module = join(import.meta.dirname, 'claudelet-terminal-process.ts');
const id = 'shared';
const said = (content: string) => [{ role: 'user', content }];

/** A daemon, a session, and a terminal in a process of its own that holds its lease. */
async function withHolder(home: TestHome, ttlMs: number) {
  const daemon = await home.start();
  const client = home.client({ client: 'second-terminal/1' });
  await client.sessions.create({ id });
  const holder = runProcess<TerminalReport>(module, [id, String(ttlMs)], { HOLDFAST_HOME: home.home });
  const ended = holder.done.catch(() => undefined);
  const reports: TerminalReport[] = [];
  holder.child.on('message', (message: TerminalReport) => reports.push(message));
  const first = await until('the first terminal holds the lease', () => reports[0], 30_000);
  if (!('token' in first)) throw new Error('no lease');
  const lateWrite = () => {
    const next = reports.length;
    holder.child.send('write');
    return until('the late write is answered', () => reports[next], 30_000);
  };
  const end = async () => {
    holder.child.kill('SIGKILL');
    await ended;
  };
  return {
    daemon,
    client,
    child: holder.child,
    token: first.token,
    pid: first.pid,
    lateWrite,
    end,
    [Symbol.asyncDispose]: end,
  };
}

/** Takes the lease as soon as it is free. */
const takeOver = (client: Client) =>
  until(
    'the lease is free',
    () => client.leases.acquire({ id, owner: 'second terminal' }).catch(() => undefined),
    30_000,
  );

const contents = async (client: Client) =>
  (await client.sessions.messages({ id })).items.map((item) => ('content' in item ? item['content'] : item));

describe('Claudelet H8: two terminals in one session', () => {
  it('the second sees the holder, and can neither write nor remove anything', async () => {
    await using home = new TestHome();
    await using holding = await withHolder(home, 600_000);
    const { client, pid, lateWrite } = holding;
    const holder = { owner: 'first terminal', pid, client: expect.stringContaining('terminal/1') as unknown };
    const before = await client.sessions.get({ id });
    expect(before.lease).toMatchObject(holder);
    const calls = [
      client.sessions.append({ id, messages: said('mine') }),
      client.sessions.update({ id, patch: { title: 'mine' } }),
      client.sessions.replace({ id, messages: said('mine') }),
      client.sessions.delete({ id }),
      client.sessions.delete({ id, erase: true }),
      client.drafts.put({ id, text: 'mine' }),
      client.leases.acquire({ id, owner: 'second terminal' }),
    ];
    for (const call of calls) {
      expect(await refusal(call)).toMatchObject({ code: 'leased', status: 409, details: { holder } });
    }
    expect(await client.sessions.get({ id })).toEqual(before);
    expect(await client.sessions.resumable()).toEqual({ session: null });
    expect(await lateWrite()).toEqual({ head: 1 });
  });

  it('the holder is killed: the second takes over after its time, and the old token is refused', async () => {
    await using home = new TestHome();
    await using holding = await withHolder(home, 500);
    const { client, token, end } = holding;
    await end();
    const lease = await takeOver(client);
    expect(lease.token).not.toBe(token);
    for (const call of [
      client.sessions.append({ id, messages: said('late'), lease: token }),
      client.sessions.replace({ id, messages: said('late'), lease: token }),
      client.drafts.put({ id, text: 'late', lease: token }),
      client.leases.acquire({ id, owner: 'first terminal', token }),
      client.leases.release({ id, token }),
    ]) {
      expect(await refusal(call)).toMatchObject({
        code: 'fenced',
        status: 409,
        retryable: false,
        details: { holder: { owner: 'second terminal' } },
      });
    }
    await client.sessions.append({ id, messages: said('mine'), lease: lease.token });
    expect(await contents(client)).toEqual(['mine']);
  });

  it.each([
    ['after its time', false],
    ['by force', true],
  ])('the holder sleeps and was taken over from %s: its late write is refused', async (_, force) => {
    await using home = new TestHome();
    await using holding = await withHolder(home, force ? 600_000 : 500);
    const { client, child, lateWrite } = holding;
    child.kill('SIGSTOP');
    const { token } = force
      ? await client.leases.acquire({ id, owner: 'second terminal', force })
      : await takeOver(client);
    await client.sessions.append({ id, messages: said('mine'), lease: token });
    child.kill('SIGCONT');
    expect(await lateWrite()).toEqual({ refused: 'fenced' });
    // Also when the new holder is done, and nobody holds the session.
    await client.leases.release({ id, token });
    expect(await lateWrite()).toEqual({ refused: 'fenced' });
    expect(await contents(client)).toEqual(['mine']);
  });

  it('the daemon is killed: the lease and the fence are as they were', async () => {
    await using home = new TestHome();
    await using holding = await withHolder(home, 600_000);
    const { daemon, client, pid, token } = holding;
    await daemon.end('SIGKILL');
    const second = await home.start();
    expect(await refusal(client.sessions.append({ id, messages: said('mine') }))).toMatchObject({
      code: 'leased',
      details: { holder: { owner: 'first terminal', pid } },
    });
    const lease = await client.leases.acquire({ id, owner: 'second terminal', force: true });
    await second.end('SIGKILL');
    await home.start();
    expect((await refusal(client.sessions.append({ id, messages: said('late'), lease: token }))).code).toBe('fenced');
    await client.sessions.append({ id, messages: said('mine'), lease: lease.token });
    expect(await contents(client)).toEqual(['mine']);
  });

  it('red control: a sleeper that nobody took over from writes, though its time is over', async () => {
    await using home = new TestHome();
    await using holding = await withHolder(home, 200);
    const { client, child, lateWrite } = holding;
    child.kill('SIGSTOP');
    await until('its time is over', async () => (await client.sessions.get({ id })).lease === null);
    child.kill('SIGCONT');
    expect(await lateWrite()).toEqual({ head: 1 });
    expect(await contents(client)).toEqual(['late']);
  });
});
