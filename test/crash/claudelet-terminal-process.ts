import { connect, HoldfastError } from '../../client/index.ts';

// A terminal that holds the lease of the session of its argument for as long as it is told to, and answers each sign
// it is sent with one write: what it stored, or the code that it was refused with.

export type TerminalReport = { token: string; pid: number } | { head: number } | { refused: string };

const [, , id = '', ttlMs = ''] = process.argv;
const client = connect({ app: 'test', client: 'terminal/1' });
const report = (message: TerminalReport) => process.send?.(message);

const { token } = await client.leases.acquire({ id, owner: 'first terminal', ttlMs: Number(ttlMs) });
process.on('message', () => {
  const late = { id, messages: [{ role: 'user', content: 'late' }], lease: token };
  void client.sessions.append(late).then(
    ({ head }) => report({ head }),
    (error: unknown) => report({ refused: error instanceof HoldfastError ? error.code : String(error) }),
  );
});
report({ token, pid: process.pid });
