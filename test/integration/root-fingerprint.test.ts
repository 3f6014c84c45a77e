import { describe, expect, it } from 'vitest';
import { TestHome } from '../helpers/daemon.ts';
import { refusal } from '../helpers/refusal.ts';
import { changeOne, mendSums, tamper } from '../helpers/tamper.ts';

// The row that names the root key which the store needs: if it is damaged, the daemon serves all the same, and the key
// in place, which opens every data key, is not called a wrong one for ever.

const credential = { profile: 'work', kind: 'api-key' as const, apiKey: 'key-1' };
const damage = "UPDATE meta SET value = 'f' || substr(value, 2) WHERE name = 'root_key' AND value NOT LIKE 'f%'";
const damageOfF = "UPDATE meta SET value = '0' || substr(value, 2) WHERE name = 'root_key' AND value LIKE 'f%'";

/** A home whose fingerprint is damaged, with the recovery code of its key. */
async function damaged(sum: string): Promise<{ home: TestHome; code: string }> {
  const home = new TestHome();
  const daemon = await home.start();
  const { auth, keys, sessions, feeds } = home.client();
  await auth.put(credential);
  await sessions.create({ id: 's' });
  await feeds.put({ name: 'f', url: 'https://example.org/' });
  const { code } = await keys.backup();
  await daemon.end();
  tamper(home.paths.database, (db) => {
    const { value } = db.prepare("SELECT value FROM meta WHERE name = 'root_key'").get() as { value: string };
    changeOne(db, value.startsWith('f') ? damageOfF : damage);
    if (sum === 'mended') mendSums(db, 'meta', 1);
  });
  return { home, code };
}

describe('a damaged fingerprint of the root key', () => {
  it('whose checksum fits: told as the wrong key, and everything else is served', async () => {
    const { home } = await damaged('mended');
    await using _ = home;
    await home.start();
    const { auth, sessions, feeds, system } = home.client();
    expect(await refusal(auth.token({ profile: 'work' }))).toMatchObject({ code: 'key_wrong' });
    expect((await system.health()).reasons).toContain('key_wrong');
    await sessions.append({ id: 's', messages: [{ n: 1 }] });
    expect((await feeds.list()).items.length).toBe(1);
  });

  // At its start the daemon reads the row through its checksum and ends with an error: nothing at all is served.
  it('whose checksum does not fit: everything else is served', async () => {
    const { home } = await damaged('left');
    await using _ = home;
    await home.start();
    const { sessions, system } = home.client();
    await sessions.append({ id: 's', messages: [{ n: 1 }] });
    expect((await system.health()).status).toBe('degraded');
  });

  // The code fits the file, the file opens every data key, and both are refused for a row that is damaged.
  it.each(['left', 'mended'])('the recovery code mends it (checksum %s)', async (sum) => {
    const { home, code } = await damaged(sum);
    await using _ = home;
    await home.start();
    const { auth, keys } = home.client();
    await keys.restore({ code });
    expect(await auth.token({ profile: 'work' })).toMatchObject({ apiKey: 'key-1' });
  });
});
