import { connect } from '../../client/index.ts';

// One process of an application: it takes tokens of the limit named by its argument, until it has been refused three
// times, and reports each answer.
const [, , name = ''] = process.argv;
await using client = connect({ app: 'inkwell', deadlineMs: 60_000 });
for (let refused = 0; refused < 3;) {
  const answer = await client.limits.acquire({ name });
  process.send?.(answer);
  if (!answer.ok) refused++;
}
process.disconnect?.();
