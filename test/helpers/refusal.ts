import { HoldfastError } from '../../client/index.ts';
import { problemSchema } from '../../shared/problem.ts';

/** The error that a call is refused with; throws when the call succeeds or fails otherwise. */
export async function refusal(call: Promise<unknown>): Promise<HoldfastError> {
  const outcome: unknown = await call.catch((error: unknown) => error);
  if (outcome instanceof HoldfastError) return outcome;
  const text = outcome instanceof Error ? outcome.stack : JSON.stringify(outcome).slice(0, 500);
  throw new Error(`expected a HoldfastError, got ${text}`);
}

interface Reply {
  status: number;
  text: string;
  json: unknown;
}

function problemOf(reply: Reply) {
  const { success, data, error } = problemSchema.safeParse(reply.json);
  if (success && data.status === reply.status && data.type === `urn:holdfast:problem:${data.code}`) return data;
  throw new Error(`expected a whole problem, got ${reply.status} ${reply.text.slice(0, 500)} ${error?.message ?? ''}`);
}

/** What a reply refuses with, as `404 not_found`; throws when it is no whole problem document. */
export function refused(reply: Reply): string {
  const { status, code } = problemOf(reply);
  return `${status} ${code}`;
}

/** The fields that a reply of 400 names, of which its detail must name the first. */
export function wrongFields(reply: Reply): string[] {
  const { code, detail, errors = [] } = problemOf(reply);
  const paths = errors.map(({ path }) => path);
  if (code === 'invalid_input' && detail.includes(paths[0] ?? '')) return paths;
  throw new Error(`expected 400 to name its fields, got ${reply.text.slice(0, 500)}`);
}
