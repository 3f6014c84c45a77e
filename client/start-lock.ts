import { mkdirSync } from 'node:fs';
import { lock } from 'proper-lockfile';

/** A holder that shows no sign of life for so long, in milliseconds, has died. */
const staleMs = 10_000;

/**
 * Takes the lock of whoever starts the daemon, if nobody holds it; answers what gives it back. It only spares many clients
 * from starting a daemon each: who owns the data is decided by the daemon's own locks.
 */
export async function tryStartLock(state: string): Promise<(() => Promise<void>) | undefined> {
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const lockfilePath = `${state}/start.lock`;
  try {
    // The directory may appear to be lost when a laptop sleeps: that is no reason to end the application.
    const release = await lock(state, {
      lockfilePath,
      stale: staleMs,
      realpath: false,
      onCompromised: () => undefined,
    });
    return () => release().catch(() => undefined);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ELOCKED') return undefined;
    throw error;
  }
}
