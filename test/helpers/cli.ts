import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { text } from 'node:stream/consumers';
import type { KeyStatus } from '../../shared/resources/keys.ts';
import { protocol } from '../../shared/protocol.ts';
import { cli, type TestHome } from './daemon.ts';
import { FakeDaemon, good, type Answer } from './fake-daemon.ts';

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs `holdfast` in a home, with `stdin` as a pipe, which is left open when `end` is false. */
export async function holdfast(
  { home }: TestHome,
  args: string[],
  stdin: string | Buffer = '',
  end = true,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Ended> {
  const child = spawn(process.execPath, [cli, ...args], {
    env: { ...env, HOLDFAST_HOME: home },
  });
  // It may leave without reading all of it.
  child.stdin.on('error', () => undefined);
  child.stdin.write(stdin);
  if (end) child.stdin.end();
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const [code, stdout, stderr] = await Promise.all([exit, text(child.stdout), text(child.stderr)]);
  child.stdin.destroy();
  return { code, stdout, stderr };
}

/** `holdfast` in a home, which goes on until it is ended. */
export function watching({ home }: TestHome, ...args: string[]) {
  const child = spawn(process.execPath, [cli, ...args], {
    env: { ...process.env, HOLDFAST_HOME: home },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const shown = { text: '', end: () => child.kill('SIGKILL') };
  child.stdout.setEncoding('utf8').on('data', (part: string) => (shown.text += part));
  return shown;
}

export const passphrase = 'correct horse battery';
export const recoveryCode = Array.from({ length: 14 }, () => 'AB12').join('-');
export const keyInOrder: KeyStatus = {
  state: 'ok',
  detail: '',
  provider: 'file',
  fingerprint: '00ff00ff00ff00ff',
  path: '/home/x/.config/holdfast/root.key',
  apps: [{ app: 'my-cli', keyId: 1, createdAt: '2026-01-31T12:00:00.000Z' }],
};

export const healthy = {
  status: 'ok',
  reasons: [] as string[],
  version: '9.9.9',
  protocol,
  pid: 4_000_000,
  uptimeMs: 3_700_000,
  queueDepth: 0,
  oldestUnansweredMs: 0,
  lastCommitAt: null,
  walBytes: 0,
  freeBytes: 1024 ** 3,
};

/** A daemon in a home that is well and answers every `keys` operation with this status; a backup, with the recovery code. */
export const keysAnswer = (
  home: TestHome,
  status: Partial<KeyStatus> = {},
  answer: Answer = (response, { url }) => {
    const backup = { code: recoveryCode, fingerprint: keyInOrder.fingerprint };
    good(response, url.endsWith('/backup') ? backup : { ...keyInOrder, ...status });
  },
): Promise<FakeDaemon> => {
  mkdirSync(dirname(home.paths.socket), { recursive: true });
  return FakeDaemon.listen(home.paths.socket, (response, request, number) =>
    request.url === '/v1/health' ? good(response, healthy) : answer(response, request, number),
  );
};

/** What a daemon was asked to change, as `unlock {"passphrase":"..."}`. */
export const posted = ({ requests }: FakeDaemon) =>
  requests
    .filter(({ method }) => method === 'POST')
    .map(({ url, body }) => `${url.slice(url.lastIndexOf('/') + 1)} ${body}`);
