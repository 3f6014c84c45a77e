import { randomBytes } from 'node:crypto';
import type { Client } from '../../client/index.ts';
import { send } from './curl.ts';
import type { DaemonProcess, TestHome } from './daemon.ts';
import { searchTree, traces } from './marker.ts';

/** Secrets that a test makes up, by what they are, each long and strange enough to be found again in any form. */
export class Markers {
  readonly all = new Map<string, string>();

  /** A new secret; a token holds only what may stand in a header. */
  token(what: string): string {
    return this.#keep(what, `${what[0]}${randomBytes(39).toString('base64url')}`);
  }

  /** A new secret with what JSON, URLs and UTF-8 write otherwise. */
  password(what: string): string {
    return this.#keep(
      what,
      `${randomBytes(24).toString('base64url')}"/\\ é😀+%${randomBytes(15).toString('base64url')}`,
    );
  }

  #keep(what: string, secret: string): string {
    if (this.all.has(what)) throw new Error(`there is a marker for ${what} already`);
    this.all.set(what, secret);
    return secret;
  }

  /** Which of them stand in a text or in bytes, and how. */
  in(bytes: string | Uint8Array): string[] {
    return [...this.all].flatMap(([what, secret]) => traces(secret, bytes).map((form) => `${what}: ${form}`));
  }

  /** Which of them lie below a folder, and in which file; throws when there was nothing to read. */
  below(folder: string): string[] {
    return [...this.all].flatMap(([what, secret]) => {
      const { found, files, bytes } = searchTree(folder, secret);
      if (files < 2 || bytes < 10_000) throw new Error(`only ${files} files were read below ${folder}`);
      return found.map((place) => `${what}: ${place}`);
    });
  }

  /** Which of them a daemon has said. */
  saidBy(daemon: DaemonProcess): string[] {
    return this.in(`${JSON.stringify(daemon.log)}\n${daemon.stderr}`);
  }
}

const url = 'https://example.org/private.xml';

/** The right to refresh a profile. */
export async function granted(client: Client, profile: string) {
  const answer = await client.auth.refresh({ profile });
  if (answer.status !== 'granted') throw new Error(`${profile} needs no refresh`);
  return answer;
}

/**
 * Gives a daemon secrets of every kind, in every way that one can come in, and answers what it said to operations that
 * reveal none.
 */
export async function storeEverySecret(home: TestHome, markers: Markers): Promise<string> {
  const client = home.client();
  const { token, password } = { token: markers.token.bind(markers), password: markers.password.bind(markers) };
  const answers: unknown[] = [];
  const login = { kind: 'oauth' as const, clientId: 'c', account: 'someone' };
  const past = '2020-01-01T00:00:00.000Z';
  for (const n of [1, 2]) {
    const given = { accessToken: token(`access ${n}`), refreshToken: token(`refresh ${n}`) };
    answers.push(await client.auth.put({ profile: 'oauth', ...login, ...given, expiresAt: past }));
    answers.push(await client.auth.put({ profile: 'key', kind: 'api-key', apiKey: password(`key ${n}`) }));
    const basic = { kind: 'basic' as const, username: password(`user ${n}`), password: password(`password ${n}`) };
    answers.push(await client.feeds.put({ name: 'basic', url, auth: basic }));
    answers.push(
      await client.feeds.put({ name: 'bearer', url, auth: { kind: 'bearer', token: token(`bearer ${n}`) } }),
    );
    const patched = { kind: 'bearer' as const, token: token(`patched bearer ${n}`) };
    answers.push(await client.feeds.patch({ name: 'basic', patch: { auth: patched } }));
    answers.push(await client.pending.put({ state: 'login', secret: password(`pending ${n}`) }));
    answers.push(await client.pending.put({ state: `taken ${n}`, secret: password(`taken ${n}`) }));
    await client.pending.take({ state: `taken ${n}` });
  }
  const { lease } = await granted(client, 'oauth');
  const brought = { accessToken: token('committed access'), refreshToken: token('committed refresh') };
  answers.push(await client.auth.commitRefresh({ profile: 'oauth', lease, ...brought, expiresAt: past }));
  const rejected = token('rejected');
  const second = await client.auth.refresh({ profile: 'oauth', rejected });
  if (second.status !== 'granted') throw new Error('there is no second grant');
  const reason = `the issuer refused ${brought.refreshToken} and ${brought.accessToken}`;
  answers.push(await client.auth.failRefresh({ profile: 'oauth', lease: second.lease, reason }));
  answers.push(await client.auth.get({ profile: 'oauth' }), await client.auth.list());
  answers.push(await client.auth.versions({ profile: 'oauth' }));
  const restored = await send(home.paths.socket, 'POST', '/v1/apps/test/auth/key/versions/1/restore', {});
  if (restored.status !== 200) throw new Error(restored.text);
  answers.push(restored.json);
  answers.push(await client.feeds.get({ name: 'basic' }), await client.feeds.list(), await client.keys.status());
  // A secret is asked for as well: answers of these operations may hold it, and nothing else may after it.
  await client.auth.token({ profile: 'key' });
  await client.feeds.credentials({ name: 'bearer' });
  answers.push(await client.feeds.rename({ name: 'bearer', to: 'renamed' }));
  answers.push(await client.system.health(), await client.system.openapi());
  return JSON.stringify(answers);
}

/** Removes what `storeEverySecret` made, in every way. */
export async function removeSecrets(client: Client): Promise<string> {
  const answers: unknown[] = [];
  answers.push(await client.auth.delete({ profile: 'key' }));
  answers.push(await client.auth.delete({ profile: 'oauth', erase: true }));
  answers.push(await client.feeds.patch({ name: 'basic', patch: { auth: null } }));
  answers.push(await client.feeds.delete({ name: 'renamed' }));
  await client.pending.take({ state: 'login' });
  return JSON.stringify(answers);
}
