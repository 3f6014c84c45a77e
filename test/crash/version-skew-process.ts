import { connect, HoldfastError } from '../../client/index.ts';

// An application that makes so many calls, and reports who answered each, or why not.
export type Report = { version: string } | { refused: string; message: string };

const calls = Number(process.argv[2]);
const client = connect({ app: 'test', deadlineMs: Number(process.argv[3] ?? 30_000) });
for (let n = 0; n < calls; n++) {
  const report = await client.system.version().then(
    ({ version }): Report => ({ version }),
    (error: unknown): Report => {
      if (!(error instanceof HoldfastError)) throw error;
      return { refused: error.code, message: error.message };
    },
  );
  process.send?.(report);
}
client.close();
process.disconnect?.();
