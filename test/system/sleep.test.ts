import { expect, it } from 'vitest';
import { sleepThrough } from '../helpers/sleep.ts';

// Longer than a stalled writer makes the daemon unhealthy, than a request may take, and than calls wait by themselves.
it('a daemon and its clients that sleep for a minute go on', async () => {
  await expect(sleepThrough(61_000)).resolves.toBeUndefined();
});
