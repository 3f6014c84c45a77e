import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HoldfastError, type Client } from '../../client/index.ts';
import type { Json } from '../../shared/json.ts';
import { nextCall, type Call } from '../helpers/config-model.ts';
import { Ledger } from '../helpers/config-ledger.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { Random } from '../helpers/model-random.ts';
import { seed, stepCount, timeFor } from '../helpers/model-run.ts';
import { until } from '../helpers/wait.ts';

// Invariant: whatever several instances do to the same documents, and whenever the daemon is killed, the versions are the
// acknowledged writes in some order: each once, none lost, each made from the version before it. Every refusal and every
// read fits into that order, and is not older than what was acknowledged before it.

const steps = Math.min(400, stepCount(60));
const kills = 2;
const names = ['one', 'two'] as const;

type Write = (input: object) => Promise<{ revision: string; version?: number }>;

/** Does one thing, and notes what it was told. */
async function step(client: Client, ledger: Ledger, random: Random, known: Map<string, string>): Promise<void> {
  const name = random.pick(names);
  const since = ledger.acknowledged(name);
  try {
    if (random.chance(0.25)) {
      const { version, value, revision } = await client.config.get({ name });
      ledger.seen.push({ name, since, version, value: value as Json });
      known.set(name, revision);
      return;
    }
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'not_found') return;
    throw error;
  }
  await write(client, ledger, nextCall(random), {
    name,
    since,
    expected: random.chance(0.2) ? known.get(name) : undefined,
  });
}

async function write(
  client: Client,
  ledger: Ledger,
  call: Call,
  { name, since, expected }: { name: string; since: number; expected: string | undefined },
): Promise<void> {
  const perform = (client.config as unknown as Record<string, Write>)[call.op] as Write;
  const done = { name, call, since, expected };
  try {
    const guard = expected === undefined ? {} : { expectedRevision: expected };
    const { revision, version } = await perform({ name, ...call.input, ...guard });
    ledger.done.push({ ...done, answer: { revision } });
    ledger.acknowledged(name, version);
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code === 'unavailable') throw error;
    ledger.done.push({ ...done, answer: { refused: error.code } });
  }
}

describe('documents of settings, in any order and over kills', () => {
  let home: TestHome;
  let daemon: DaemonProcess;
  beforeEach(async () => {
    home = new TestHome();
    daemon = await home.start();
  });
  afterEach(() => home[Symbol.asyncDispose]());

  async function walk(count: number, kill: number): Promise<Ledger> {
    const ledger = new Ledger();
    const random = new Random(seed);
    const progress = { taken: 0, ended: 0 };
    const actors = 4;
    const runs = Array.from({ length: actors }, async () => {
      const own = new Random(random.seed());
      const client = home.client({ deadlineMs: 60_000 });
      const known = new Map<string, string>();
      for (let taken = 0; taken < count; taken++, progress.taken++) await step(client, ledger, own, known);
    });
    const ended = Promise.allSettled(runs).finally(() => (progress.ended = 1));
    for (let number = 1; number <= kill; number++) {
      const goal = ((number - random.next()) * count * actors) / (kill + 1);
      await until('the walk goes on', () => progress.taken >= goal || progress.ended > 0, 60_000);
      await daemon.end('SIGKILL');
      daemon = await home.start();
    }
    for (const result of await ended) if (result.status === 'rejected') throw result.reason;
    return ledger;
  }
  const check = async (ledger: Ledger) =>
    (await Promise.all(names.map((name) => ledger.check(home.client(), name)))).flat();

  it(
    `seed ${seed}: four instances and ${kills} kills, and all that they are told fits together`,
    async () => {
      const ledger = await walk(steps, kills);
      const flaws = await check(ledger);
      if (flaws.length > 0) throw new Error([`HOLDFAST_MODEL_SEED=${seed} found:`, ...flaws].join('\n'));
      const refusals = ledger.done.filter(({ answer }) => 'refused' in answer).length;
      expect([refusals > 3, ledger.done.length > steps * 2, ledger.seen.length > steps / 3]).toEqual([
        true,
        true,
        true,
      ]);
    },
    timeFor(steps * 4),
  );

  it('red control: a write that were lost, made twice, or answered from an old state would be told', async () => {
    const ledger = await walk(30, 0);
    expect(await check(ledger)).toEqual([]);
    const first = ledger.done.find(({ call, answer }) => call.op === 'patch' && 'revision' in answer);
    const read = ledger.seen.at(-1);
    if (!first || !read) throw new Error('nothing was written or read');
    const checkWith = async (change: (changed: Ledger) => void) => {
      const changed = new Ledger();
      changed.done.push(...ledger.done);
      changed.seen.push(...ledger.seen);
      change(changed);
      return (await check(changed)).join('\n');
    };
    expect(await checkWith((changed) => changed.done.push({ ...first, answer: { revision: 'x.1' } }))).toMatch(
      /not stored/,
    );
    expect(await checkWith((changed) => changed.done.push({ ...first, answer: { refused: 'exists' } }))).toMatch(
      /no reason/,
    );
    expect(await checkWith((changed) => changed.seen.push({ ...read, since: read.version + 1 }))).toMatch(/never so/);
    // What was written twice would be a version that nobody was told of.
    const append = await home.client().config.set({ name: 'one', path: '/twice', value: 1 });
    expect(await check(ledger)).toEqual([expect.stringContaining(`version ${append.version} is what no acknowledged`)]);

    await daemon.end('SIGKILL');
    const db = new DatabaseSync(home.paths.database);
    db.exec("DELETE FROM config_version WHERE name = 'two' AND version = 2");
    db.close();
    daemon = await home.start();
    expect((await check(ledger)).join('\n')).toMatch(/two: version 3 comes after 1/);
  });
});
