import { join } from 'node:path';
import { connect, HoldfastError } from '../../client/index.ts';
import { refreshAt, type Refreshed } from '../helpers/issuer-client.ts';
import type { Issued } from '../helpers/issuer-tokens.ts';
import { change, read } from './files.ts';

/** How long an access token must still be good to be used, in milliseconds. */
const minValidMs = 200;
const profile = 'shared-login';

/** An access token, and how to get another one when the API refuses it. */
export interface Access {
  accessToken: string;
  rejected(): Promise<Pick<Access, 'accessToken'>>;
}

/** An application's way to its login. It throws an error that `endsLogin` knows when only a new login helps. */
export type Login = () => Promise<Access>;

export function loginOnHoldfast(socket: string, issuer: string): Login {
  const client = connect({ app: 'demo', socket, client: 'demo/1' });
  return () => client.auth.withToken(profile, refreshAt(issuer), { minValidMs });
}

export async function saveOnHoldfast(socket: string, issued: Issued): Promise<void> {
  await using client = connect({ app: 'demo', socket, client: 'demo/1' });
  await client.auth.put({ profile, kind: 'oauth', ...issued });
}

const fileIn = (directory: string) => join(directory, 'login.json');

/**
 * A login in a JSON file, as applications keep it: the file is read, the issuer is asked, and what it answers is written
 * under the lock. Nobody holds the lock during the call to the issuer, which can take longer than a lock lasts. Whoever
 * is refused looks whether another process was faster, before it gives up; many do not.
 */
export function loginOnFiles(directory: string, issuer: string): Login {
  const file = fileIn(directory);
  const refresh = async ({ refreshToken = '' }: Refreshed): Promise<Refreshed> => {
    try {
      const fresh = await refreshAt(issuer)({ refreshToken, signal: AbortSignal.timeout(10_000) });
      await change<Refreshed>(file, (saved) => ({ ...saved, ...fresh }));
      return fresh;
    } catch (error) {
      const saved = await readLogin(file);
      if (endsLogin(error) && saved.refreshToken !== refreshToken) return saved;
      throw error;
    }
  };
  return async () => {
    const saved = await readLogin(file);
    const isGood = Date.parse(saved.expiresAt ?? '') > Date.now() + minValidMs;
    const { accessToken } = isGood ? saved : await refresh(saved);
    const rejected = async () => {
      const newest = await readLogin(file);
      return newest.accessToken === accessToken ? refresh(newest) : newest;
    };
    return { accessToken, rejected };
  };
}

export async function saveOnFiles(directory: string, issued: Issued): Promise<void> {
  await change<Refreshed>(fileIn(directory), () => issued);
}

async function readLogin(file: string): Promise<Refreshed> {
  const saved = await read<Refreshed>(file);
  if (!saved) throw new Error(`${file} is gone`);
  return saved;
}

/** Whether an error says: log in again. */
export function endsLogin(error: unknown): boolean {
  if (error instanceof HoldfastError) return error.code === 'needs_login';
  return error instanceof Error && 'fatal' in error && error.fatal === true;
}
