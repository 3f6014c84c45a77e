import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { connect, type Client } from '../../client/index.ts';
import { FakeDaemon, type Answer } from './fake-daemon.ts';

// A client and the daemon that a test gives it, made anew for each test: import it and call `useFakeHome`.

export let client: Client;
export let fake: FakeDaemon;
export let socket: string;
let folder: string;

export function useFakeHome(): void {
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-test-'));
    socket = join(folder, 'x.sock');
    client = connect({ app: 'test', socket });
  });
  afterEach(async () => {
    client.close();
    await fake[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });
}

/** Starts the daemon of this test. */
export async function serve(answer: Answer): Promise<void> {
  fake = await FakeDaemon.listen(socket, answer);
}

export const put = (name: string, more: object = {}, options = {}) =>
  client.feeds.put({ name, url: 'https://example.org/feed.xml', ...more }, options);
