import { setTimeout as sleep } from 'node:timers/promises';
import { connect, HoldfastError } from '../../client/index.ts';
import type { Placed, Report } from '../helpers/model-invariants.ts';
import { without } from '../helpers/model.ts';
import { Random } from '../helpers/model-random.ts';

// One process of many that use session `shared`: it appends, replaces or forks, so often, as its arguments say, and
// reports what it was told.

const [, , kind = '', number = '', times = ''] = process.argv;
const id = 'shared';
const client = connect({ app: 'many', client: `${kind}-${number}/1`, deadlineMs: 60_000 });
const random = new Random(Number(number));
const report = (message: Report) => process.send?.(message);

/** Runs the call until nobody else holds the lease; undefined when the session is not as the call must find it. */
async function unlessChanged<T>(call: () => Promise<T>): Promise<T | undefined> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      if (['stale', 'drops_messages'].includes(error.code)) return undefined;
      if (error.code !== 'leased') throw error;
      await sleep(random.upTo(9));
    }
  }
}

async function append(turn: number): Promise<Report | undefined> {
  const ids = Array.from({ length: random.upTo(2) + 1 }, (_, index) => `${number}-${turn * 10 + index}`);
  const messages = ids.map((one) => ({ id: one, role: 'user', text: `${one} `.repeat(random.upTo(9)) }));
  const done = await unlessChanged(() => client.sessions.append({ id, messages, usage: { inputTokens: ids.length } }));
  return done && { appended: ids };
}

async function readAll() {
  const { items, generation } = await client.sessions.messages({ id, limit: 1000 });
  return { messages: items as Placed[], generation };
}

/** With the lease it edits or drops, and names what it read; without, it saves what it read, which is refused if that is old. */
async function replace(turn: number): Promise<Report | undefined> {
  const hold = turn % 2 === 0;
  const lease = hold ? await unlessChanged(() => client.leases.acquire({ id, owner: number })) : undefined;
  const token = lease && { lease: lease.token };
  const { revision } = await client.sessions.get({ id });
  const document = (await readAll()).messages.map((message) => without(message, 'seq'));
  const place = random.upTo(Math.max(0, document.length - 1));
  const dropped = hold && random.chance(0.5) ? document.slice(place, place + 1).map((message) => message.id) : [];
  const edited = { id: 'none', ...document[place], edited: `${number}-${turn}` };
  // Others may have dropped all of it.
  const shorter = dropped.length > 0 || document.length === 0;
  const messages = shorter ? document.toSpliced(place, 1) : document.with(place, edited);
  const guard = hold ? { expectedRevision: revision, allowShrink: dropped.length > 0 } : {};
  const done = await unlessChanged(() => client.sessions.replace({ id, messages, ...guard, ...token }));
  if (lease) await client.leases.release({ id, token: lease.token });
  // One that does not name what it read brings back what another dropped since.
  const saved = hold ? [] : messages.map((message) => message.id);
  return done && { replaced: { generation: done.generation, dropped, saved } };
}

async function fork(turn: number): Promise<Report | undefined> {
  const { messages, generation } = await readAll();
  const upTo = random.upTo(messages.length);
  const to = `fork-${number}-${turn}`;
  const made = await unlessChanged(() => client.sessions.fork({ id, to, upTo, expectedGeneration: generation }));
  if (!made) return undefined;
  if (random.chance(0.5)) await client.sessions.append({ id: to, messages: [{ id: to, text: 'of the fork' }] });
  const own = (await client.sessions.messages({ id: to, limit: 1000 })).items as Placed[];
  if (random.chance(0.3)) return void (await client.sessions.delete({ id: to, erase: true }));
  return { fork: to, messages: [...messages.slice(0, upTo), ...own.slice(upTo)] };
}

const turns: Record<string, (turn: number) => Promise<Report | undefined>> = { append, replace, fork };
try {
  for (let turn = 1; turn <= Number(times); turn++) {
    const told = await turns[kind]?.(turn);
    if (told) report(told);
  }
} catch (error) {
  report({ error: `${kind} ${number}: ${String(error)}` });
}
client.close();
process.disconnect?.();
