import { beforeAll, beforeEach } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome } from './daemon.ts';
import { Issuer } from './issuer.ts';
import { Refreshers } from './refreshers.ts';

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
