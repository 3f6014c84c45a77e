import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { load, type SessionData } from '../integration/claudelet-sessions.ts';
import { authStorage, type OAuthTokens } from '../helpers/adapters/claudelet-auth.ts';
import { newSession, sessionStorage } from '../helpers/adapters/claudelet-sessions.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { refreshAt } from '../helpers/issuer-client.ts';
import type { Issued } from '../helpers/issuer-tokens.ts';
import { Issuer } from '../helpers/issuer.ts';
import { refusal } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

// Claudelet's session storage and auth storage on top of the client, as one terminal and as two.

let home: TestHome;
let daemon: DaemonProcess;
beforeAll(async () => {
  home = new TestHome();
  daemon = await home.start();
});
afterAll(() => home[Symbol.asyncDispose]());

const terminal = (app = 'claudelet'): Client => home.client({ app, deadlineMs: 60_000 });
async function restart(): Promise<void> {
  await daemon.end('SIGKILL');
  daemon = await home.start();
}
const saying = (session: SessionData, ...texts: string[]): SessionData => ({
  ...session,
  messages: [
    ...session.messages,
    ...texts.map((content) => ({ role: 'user', content, timestamp: '2025-12-16T10:00:01.000Z' })),
  ],
});

describe('the session storage', () => {
  it('a saved session comes back as it was, sub-agents and unknown fields included, and is the one listed', async () => {
    const data = load('7cd34637');
    const storage = sessionStorage(terminal('documents'));
    await storage.saveSession(data);
    const { messages } = saying(data, 'one more');
    const later = { ...data, messages, updatedAt: '2025-12-24T10:00:00.000Z', toolBudget: { left: 3 } };
    await storage.saveSession(later);
    await restart();
    const other = sessionStorage(terminal('documents'));
    expect(await other.loadSessionById(data.sessionId.slice(0, 8))).toEqual(later);
    const listed = (await other.listSessions()).map(({ id }) => id);
    expect(listed).toEqual([data.sessionId]);
  });

  it('H2, C1: saves at once are all there, and an older document takes nothing back', async () => {
    const client = terminal();
    const storage = sessionStorage(client);
    const empty = newSession('at once');
    const documents = [saying(empty, 'a'), saying(empty, 'a', 'b', 'c'), saying(empty, 'a', 'b')];
    await Promise.all(documents.map((document) => storage.saveSession(document)));
    await storage.saveSession(empty);
    expect(await sessionStorage(client).loadSessionById('at once')).toMatchObject({ messages: documents[1]?.messages });
    // One that another terminal made is not replaced by a new one of the same name.
    const unaware = sessionStorage(terminal()).saveSession(empty);
    expect((await refusal(unaware)).code).toBe('exists');
  });

  it('an empty id, and one that begins as several do, is refused', async () => {
    const storage = sessionStorage(terminal());
    for (const id of ['1734343200000-aa', '1734343200000-bb']) await storage.saveSession(newSession(id));
    expect((await refusal(storage.loadSessionById(''))).code).toBe('invalid_input');
    expect((await refusal(storage.loadSessionById('1734'))).code).toBe('ambiguous');
  });

  it('H8: a second terminal gets no session that somebody is in, also when the daemon was killed', async () => {
    const [first, second] = [sessionStorage(terminal()), sessionStorage(terminal())];
    await first.saveSession(newSession('held', '/held'));
    const session = await first.resumeSession('/held', 'first', 600_000);
    if (session === null) throw new Error('there is a session to resume');
    await restart();
    expect(await second.resumeSession('/held', 'second')).toBeNull();
    await second.loadSessionById('held');
    expect((await refusal(second.saveSession(saying(session, 'second')))).code).toBe('leased');
    await first.saveSession(saying(session, 'first'));
    expect((await second.loadSessionById('held')).messages).toMatchObject([{ content: 'first' }]);
  });

  it('H8: a terminal that was away for too long is followed by another, and its late save is refused', async () => {
    const [first, second] = [sessionStorage(terminal()), sessionStorage(terminal())];
    await first.saveSession(newSession('away', '/away'));
    const before = await first.resumeSession('/away', 'first', 100);
    if (before === null) throw new Error('there is a session to resume');
    const session = await until(
      'its time is over',
      async () => (await second.resumeSession('/away', 'second')) ?? false,
    );
    await second.saveSession(saying(session, 'second'));
    expect((await refusal(first.saveSession(saying(before, 'late')))).code).toBe('fenced');
    expect((await second.loadSessionById('away')).messages).toMatchObject([{ content: 'second' }]);
  });
});

const tokens = ({ accessToken: access, refreshToken: refresh, expiresAt }: Issued): OAuthTokens => {
  return { type: 'oauth', access, refresh, expires: Date.parse(expiresAt) };
};

const storageAt = (issuer: Issuer, app: string) =>
  authStorage(terminal(app), async (refreshToken) => {
    const { signal } = new AbortController();
    return tokens((await refreshAt(issuer.url)({ refreshToken, signal })) as Issued);
  });

describe('the auth storage', () => {
  it('H6: two terminals and a login that has expired: the issuer is asked once, and both go on', async () => {
    await using issuer = await Issuer.listen();
    const [one, two] = [storageAt(issuer, 'expired'), storageAt(issuer, 'expired')];
    expect(await one.loadAuth()).toBeNull();
    const old = tokens(issuer.issue({ lifetimeMs: -1000 }));
    await one.saveAuth({ type: 'oauth', oauthTokens: old });
    await restart();
    const loaded = await Promise.all([one.loadAuth(), two.loadAuth()]);
    expect(issuer.requests).toEqual([old.refresh]);
    const fresh = expect.stringMatching(/^access-/) as unknown;
    expect(loaded[0]).toEqual({
      type: 'oauth',
      oauthTokens: { type: 'oauth', access: fresh, expires: expect.any(Number) as unknown },
    });
    expect(loaded[1]).toEqual(loaded[0]);
    // What the issuer gave is there after a kill: nobody has to ask again.
    await restart();
    expect(await two.loadAuth()).toEqual(loaded[0]);
    expect(issuer.requests).toHaveLength(1);
  });

  it('M6: a login that replaced another, and a logout, are taken back', async () => {
    await using issuer = await Issuer.listen();
    const storage = storageAt(issuer, 'logins');
    await storage.saveAuth({ type: 'api-key', apiKey: 'first' });
    await storage.saveAuth({ type: 'api-key', apiKey: 'second' });
    await storage.clearAuth();
    expect(await storage.loadAuth()).toBeNull();
    await storage.restoreAuth(1);
    expect(await storage.loadAuth()).toEqual({ type: 'api-key', apiKey: 'first' });
  });
});
