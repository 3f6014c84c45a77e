import { request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';

/** The address of the messages of a session, and the header that asks for them as a stream. */
export const messagesOf = (id: string, query = '', app = 'test') =>
  `/v1/apps/${app}/sessions/${encodeURIComponent(id)}/messages${query}`;
export const asLines = { accept: 'application/x-ndjson' };

/**
 * An answer whose body nobody reads yet: the daemon is held up once the buffers between us are full. Reading begins
 * with the first `for await`; `destroy()` leaves.
 */
export function open(
  socketPath: string,
  path: string,
  headers: Record<string, string> = asLines,
  method = 'GET',
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    // A connection of its own, so that none is left open by a reader that leaves.
    const outgoing = request({ socketPath, method, path, agent: false, headers: { host: 'localhost', ...headers } });
    outgoing.on('response', (response) => {
      // Who leaves or is cut off is told by `complete`, not by an event.
      response.on('error', () => undefined);
      resolve(response);
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

export interface Streamed {
  status: number;
  headers: IncomingHttpHeaders;
  type: string;
  text: string;
  /** False when the connection ended before the answer did. */
  complete: boolean;
}

/** What is still to come of an answer, to its end or cut. */
export async function rest(response: IncomingMessage): Promise<Streamed> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer);
  } catch {
    // `complete` tells.
  }
  const text = Buffer.concat(chunks).toString();
  const { statusCode: status = 0, headers, complete } = response;
  return { status, headers, type: headers['content-type'] ?? '', text, complete };
}

/** A whole answer, read to its end. */
export const readAll = async (socketPath: string, path: string, headers?: Record<string, string>, method?: string) =>
  rest(await open(socketPath, path, headers, method));

export type Line = Record<string, unknown>;
/** The lines of a text, each of which must be JSON and have its newline. */
export function linesOf(text: string): Line[] {
  const lines = text.split('\n');
  if (lines.pop() !== '') throw new Error(`the last line is cut: ${text.slice(-200)}`);
  return lines.map((line) => JSON.parse(line) as Line);
}

/** The messages among lines, damaged ones too. */
export const messagesIn = (lines: Line[]) => lines.filter(({ seq }) => seq !== undefined);
