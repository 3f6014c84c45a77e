import { FakeDaemon, good, type Answer } from '../helpers/fake-daemon.ts';

// A daemon for tests of the client's write queue: it answers each call of a batch, and remembers what came in which request.

export interface SentCall {
  op: string;
  key: string;
  input: { name: string };
}
/** The result of one call of a batch; what is no result is put there as it is. */
export type ResultOf = (call: SentCall, request: number) => unknown;

/** The calls of one request, whether it is a batch or a write that travelled alone. */
export function callsOf({ url, headers, body }: FakeDaemon['requests'][number]): SentCall[] {
  if (url === '/v1/batch') return (JSON.parse(body) as { calls: SentCall[] }).calls;
  const name = decodeURIComponent(url.slice(url.lastIndexOf('/') + 1));
  return [
    { op: 'feeds.put', key: String(headers['idempotency-key']), input: { ...(JSON.parse(body) as object), name } },
  ];
}

/** The names of what was sent, request by request. */
export const sent = ({ requests }: FakeDaemon): string[][] =>
  requests.map((request) => callsOf(request).map(({ input }) => input.name));

export const stored: ResultOf = ({ input }) => ({ status: 201, output: { name: input.name } });

/** Answers a batch call by call, and a single write as it would be. */
export const answering =
  (resultOf: ResultOf = stored): Answer =>
  (response, request, number) => {
    const results = callsOf({ ...request }).map((call) => resultOf(call, number));
    if (request.url === '/v1/batch') good(response, { results });
    else good(response, (results[0] as { output: object }).output);
  };

export const problem = (code: string, retryable: boolean) => ({
  status: retryable ? 503 : 409,
  problem: {
    type: `urn:holdfast:problem:${code}`,
    title: code,
    status: retryable ? 503 : 409,
    detail: `This is ${code}.`,
    code,
    retryable,
    requestId: 'request-1',
  },
});
