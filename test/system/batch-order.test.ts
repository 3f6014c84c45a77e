import { expect, it } from 'vitest';
import { itemsOf, walk } from '../helpers/pages.ts';
import { fault, homeWithStore, strace } from '../helpers/strace.ts';

// Invariant: the writes of one process take effect in its order, whatever fails in between for a reason that passes.

it.each(['2', '3', '4', '2..3'])(
  'a disk that fails at fsync %s turns no two messages of a client round',
  async (when) => {
    await using home = await homeWithStore();
    const { wrapper, injected } = strace(home, [`${home.paths.database}-wal`], fault('fsync', 'error=EIO', when));
    await home.start({ wrapper });
    const client = home.client({ deadlineMs: 60_000 });
    const writes = Array.from({ length: 1500 }, (_, n) => n);
    await Promise.all(writes.map((n) => client.sessions.append({ id: 's', messages: [{ n }] })));
    expect(injected()).toBeGreaterThan(0);
    const stored = itemsOf(await walk((cursor) => client.sessions.messages({ id: 's', limit: 1000, ...cursor })));
    expect(stored.map(({ n }) => n)).toEqual(writes);
  },
);
