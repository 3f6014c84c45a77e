import { fromProblem, type Problem } from '../../shared/errors.ts';
import type { Credential } from '../../shared/resources/auth/fields.ts';
import { send } from './curl.ts';

/** `auth.restore` as plain HTTP. */
export async function restoreVersion(
  socket: string,
  { app = 'test', profile = 'work', version }: { app?: string; profile?: string; version: number },
): Promise<Credential> {
  const reply = await send(socket, 'POST', `/v1/apps/${app}/auth/${profile}/versions/${version}/restore`, {});
  if (reply.status !== 200) throw fromProblem(reply.json as Problem);
  return reply.json as Credential;
}
