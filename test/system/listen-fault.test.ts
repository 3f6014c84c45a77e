import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { fault, homeWithStore, strace } from '../helpers/strace.ts';

// Invariant: a start that fails at its last step, the socket, leaves as a failed start does: the code says why, the
// store is closed, the locks are free.

// The main socket is bound first, the restricted one then.
it.each(['1+', '2+'])(
  'a socket that cannot be bound (%s): 69 with the reason, and the next start serves',
  async (when) => {
    await using home = await homeWithStore();
    const { wrapper, injected } = strace(home, [], fault('bind', 'error=EACCES', when));
    const refused = home.spawn({ wrapper });
    expect(await refused.exited).toEqual({ code: 69, signal: null });
    expect(injected()).toBe(1);
    expect(refused.stderr).toMatch(/EACCES/);
    expect(refused.stderr).not.toMatch(/UnhandledPromiseRejection|at async/);
    const { database, socket, agentSocket } = home.paths;
    expect([`${database}-wal`, socket, agentSocket].filter((path) => existsSync(path))).toEqual([]);

    await home.start();
    expect((await home.client().sessions.get({ id: 's' })).id).toBe('s');
  },
);
