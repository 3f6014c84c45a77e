import { expect, it } from 'vitest';
import { sleepThrough } from '../helpers/sleep.ts';

// Invariant: a daemon or an application that is stopped for a while goes on as if it had been slow: nothing is lost, done
// twice, taken for dead or ended for its time. A minute of it is in test/system/sleep.test.ts.

it('caozhiyuan/copilot-api#170, anthropics/claude-code#74016: a daemon and its clients that sleep go on', async () => {
  await expect(sleepThrough(3_000)).resolves.toBeUndefined();
});
