import { setTimeout as sleep } from 'node:timers/promises';
import type { Cli, Fleet } from './fleet.ts';
import { holderOf, staleMs } from './lock.ts';
import type { Supervisor } from './supervisor.ts';

/** How long each of the two loads runs, in seconds. */
export const seconds = 8;
/** How long one CLI is suspended: its lock becomes stale, the others take it over and go on. */
export const suspendedMs = staleMs + 1_500;
const suspendAtMs = 2_250;

/** What happens to the eight CLIs, in both loads alike: each second one is killed, and once one is suspended. */
export async function disturb(fleet: Fleet, suspend: () => Promise<() => void>): Promise<void> {
  const begin = performance.now();
  const at = (ms: number) => sleep(Math.max(0, begin + ms - performance.now()));
  const suspension = at(suspendAtMs).then(async () => {
    const wake = await suspend();
    await sleep(suspendedMs);
    wake();
  });
  for (let second = 1; second < seconds; second++) {
    await at((second - Math.random() / 2) * 1000);
    fleet.kill();
  }
  await at(seconds * 1000);
  await suspension;
}

/** kill -9 of the daemon every second; on a machine so slow that it is not up by then, a moment after it is. */
export async function killDaemon(supervisor: Supervisor): Promise<void> {
  const begin = performance.now();
  while (performance.now() < begin + (seconds - 0.1) * 1000) {
    const nextKill = performance.now() + 1000;
    await supervisor.ready();
    await sleep(Math.max(300, nextKill - performance.now()));
    await supervisor.kill();
  }
}

/** Suspends a CLI wherever it is: on holdfast there is no lock that it could hold. */
export async function suspendAny(fleet: Fleet): Promise<() => void> {
  for (;;) {
    const cli = fleet.clis.find(({ state }) => state === 'running');
    if (cli) return fleet.suspend(cli);
    await sleep(10);
  }
}

/** Suspends a CLI that is in the middle of a save, at whatever point of it: its lock says which one that is. */
export async function suspendHolder(fleet: Fleet, locks: string[]): Promise<() => void> {
  for (let turn = 0; ; turn++) {
    const lock = locks[turn % locks.length] ?? '';
    const holder = cliOf(fleet, await holderOf(lock));
    if (holder) {
      const { pid } = holder.child;
      const wake = fleet.suspend(holder);
      await sleep(2);
      if ((await holderOf(lock)) === pid) return wake;
      // It was done just before the signal came.
      wake();
    }
    await sleep(2);
  }
}

const cliOf = (fleet: Fleet, pid: number | undefined): Cli | undefined =>
  fleet.clis.find(({ state, child }) => state === 'running' && child.pid === pid);
