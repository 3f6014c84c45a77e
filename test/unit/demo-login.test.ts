import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { endsLogin, loginOnFiles, saveOnFiles, type Login } from '../demo/logins.ts';
import { callApi } from '../helpers/issuer-client.ts';
import { Issuer } from '../helpers/issuer.ts';
import { until } from '../helpers/wait.ts';

describe('the login in a JSON file', () => {
  let issuer: Issuer;
  let one: Login;
  let other: Login;

  beforeEach(async () => {
    const directory = mkdtempSync(join(tmpdir(), 'holdfast-demo-login-'));
    issuer = await Issuer.listen();
    await saveOnFiles(directory, issuer.issue({ lifetimeMs: -1000 }));
    one = loginOnFiles(directory, issuer.url);
    other = loginOnFiles(directory, issuer.url);
    return () => rmSync(directory, { recursive: true, force: true });
  });
  afterEach(() => issuer[Symbol.asyncDispose]());

  it('serves all whose turns come one after the other', async () => {
    const { accessToken } = await one();
    expect((await other()).accessToken).toBe(accessToken);
    expect(await callApi(issuer.url, accessToken)).toBe(200);
    expect(issuer.refreshes).toBe(1);
  });

  it('is refreshed once more when the API refuses its token', async () => {
    const first = await one();
    const second = await other();
    issuer.revoke(first.accessToken);
    const { accessToken } = await first.rejected();
    expect((await second.rejected()).accessToken).toBe(accessToken);
    expect(await callApi(issuer.url, accessToken)).toBe(200);
    expect(issuer.refreshes).toBe(2);
  });

  it('ends for all when two refresh it at the same time', async () => {
    const hold = issuer.hold();
    const both = Promise.allSettled([one(), other()]);
    await until('both are at the issuer', () => hold.waiting === 2);
    hold.release();
    const fulfilled = (await both).filter((settled) => settled.status === 'fulfilled');
    expect(issuer.reused).toHaveLength(1);
    expect(fulfilled).not.toHaveLength(0);
    for (const { value } of fulfilled) {
      expect(await callApi(issuer.url, value.accessToken)).toBe(401);
      expect(endsLogin(await value.rejected().catch((error: unknown) => error))).toBe(true);
    }
  });

  it('does not end when the issuer only fails', async () => {
    issuer.failing = true;
    const failure: unknown = await one().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Error);
    expect(endsLogin(failure)).toBe(false);
    issuer.failing = false;
    expect(await callApi(issuer.url, (await one()).accessToken)).toBe(200);
  });
});
