import { setTimeout as sleep } from 'node:timers/promises';
import { connect, HoldfastError } from '../../client/index.ts';

// One of many applications that want the same leases. Waits for a word and then, by its first argument:
//   once   asks once for each of the sessions named by the others, by force if its owner's name says so
//   turns  takes the session's lease again and again, writes, and often overstays before it writes once more
// Reports what it was given, and each write that it was told is stored.

export type Report = { ready: true } | { won: string } | { run: string; n: number } | { fenced: string };

const [, , mode = '', owner = '', ...sessions] = process.argv;
const client = connect({ app: 'test', client: `${owner}/1`, deadlineMs: 60_000 });
const report = (message: Report) => process.send?.(message);

/** The answer, or undefined when the lease is somebody else's. */
async function unlessHeld<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof HoldfastError && (error.code === 'leased' || error.code === 'fenced')) return undefined;
    throw error;
  }
}

async function once(): Promise<void> {
  for (const id of sessions) {
    const call = client.leases.acquire({ id, owner, ttlMs: 3_600_000, force: owner.startsWith('force') });
    if (await unlessHeld(call)) report({ won: id });
  }
}

async function turns(id: string): Promise<void> {
  for (let turn = 0; turn < 4;) {
    const lease = await unlessHeld(client.leases.acquire({ id, owner, ttlMs: 100 }));
    if (!lease) {
      await sleep(5);
      continue;
    }
    const run = `${owner}, turn ${++turn}`;
    const write = (n: number) => client.sessions.append({ id, messages: [{ run, n }], lease: lease.token });
    for (let n = 1; n <= 4; n++) {
      // Half of the turns overstay before their last write, so that it races those who wait.
      if (n === 4 && turn % 2 === 0) await sleep(100 + Math.random() * 20);
      if (await unlessHeld(write(n))) report({ run, n });
      else report({ fenced: run });
    }
    if (turn % 2 === 1) await unlessHeld(client.leases.release({ id, token: lease.token }));
  }
}

const told = new Promise((resolve) => process.once('message', resolve));
report({ ready: true });
await told;
await (mode === 'once' ? once() : turns(sessions[0] ?? ''));
client.close();
process.disconnect?.();
