import { connect } from '../../client/index.ts';

// One process of an application that records 50 costs, all of the same content. Its arguments: what their ids begin with,
// and how many of them are under way at once.
const [, , prefix = '', together = '1'] = process.argv;
await using client = connect({ app: 'inkwell', deadlineMs: 60_000 });
const usage = { provider: 'gemini', model: 'gemini-flash', operation: 'transcription', costNanoUsd: 1_000_000 };
for (let n = 0; n < 50; n += Number(together)) {
  const ids = Array.from({ length: Number(together) }, (_, index) => `${prefix}${n + index}`);
  await Promise.all(ids.map((usageId) => client.costs.record({ usageId, ...usage })));
}
process.disconnect?.();
