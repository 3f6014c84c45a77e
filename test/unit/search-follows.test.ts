import { expect, it } from 'vitest';
import { log, type LogRow } from '../../daemon/store/log.ts';
import * as sessions from '../../daemon/store/resources/sessions.ts';
import { sweep } from '../../daemon/store/resources/sessions/sweep.ts';
import { SearchIndex } from '../../daemon/store/sqlite/search-index.ts';
import type { Tx } from '../../daemon/store/tx.ts';
import { TxStore } from '../helpers/tx-store.ts';

const app = 'a';
/** Another log has something else in that place. */
const other = async (tx: Tx) => tx.put(log, { ...(await tx.find(log, { position: 2 })), id: 'other' } as LogRow);

it('an index of a message that was erased since, and left its key, is still one of this log', async () => {
  using store = new TxStore();
  await store.run(sessions.create, { app, id: 's' });
  await store.run(sessions.append, { app, id: 's', messages: [{ id: 'm', text: 'heron' }] }, 'a key');
  const index = new SearchIndex(`${store.db.location()}.search`, 'e', 2, () => undefined);
  try {
    expect(await index.feed(store.tx)).toBe(true);
    await store.run(sessions.delete, { app, id: 's', erase: true });
    while (await store.run(sweep, store.at));
    expect(await store.query('SELECT kind, content FROM log WHERE position = 2')).toEqual([['replay', null]]);
    expect([index.indexedTo, await index.follows(store.tx)]).toEqual([2, true]);
    // Red control.
    await store.run(other, {});
    expect(await index.follows(store.tx)).toBe(false);
  } finally {
    index.close();
  }
});
