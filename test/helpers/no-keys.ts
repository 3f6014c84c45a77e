import type { Keys } from '../../daemon/store/tx.ts';

const none = () => Promise.reject(new Error('this test has no keys'));

/** For operations that touch no secret. */
export const noKeys: Keys = { seal: none, open: none, digest: none };
