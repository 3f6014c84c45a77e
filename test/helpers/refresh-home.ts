import { beforeAll, beforeEach } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome } from './daemon.ts';
import { Issuer } from './issuer.ts';
import { Scrape, underWay } from './metrics.ts';
import { Refreshers } from './refreshers.ts';
import { until } from './wait.ts';

// What the tests of refreshing work on, made by hooks: import it and call `useRefreshHome`.

export let home: TestHome;
export let client: Client;
export let processes: Refreshers;
/** Of the running test alone, as is the profile. */
export let issuer: Issuer;
export let profile = '';

/** A home with a daemon for the file, an issuer and the name of a profile for each test. */
export function useRefreshHome(): void {
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
    return () => home[Symbol.asyncDispose]();
  });
  beforeEach(async ({ task }) => {
    profile = task.id;
    issuer = await Issuer.listen();
    return () => issuer[Symbol.asyncDispose]();
  });
}

/** So many processes that get tokens, for the file or for each test. */
export function useProcesses(count: number, when: typeof beforeAll | typeof beforeEach = beforeAll): void {
  when(async () => {
    processes = await Refreshers.start(home, count);
    return () => processes[Symbol.asyncDispose]();
  }, 90_000);
}

const answered = async () =>
  (await Scrape.of(home.paths.socket)).value('holdfast_requests_total', { op: 'auth.token' }) ?? 0;

/**
 * Answers how to wait until so many processes have asked for a token from now on, and so many wait for a refresh: what is under
 * way after the first question has been answered is the second.
 */
export async function watchWaiting(): Promise<(asked: number, waiting?: number) => Promise<unknown>> {
  const before = await answered();
  return (asked, waiting = asked) =>
    until('they wait', async () => (await answered()) >= before + asked && (await underWay(home)) >= waiting);
}
