import { connect, type NetConnectOpts } from 'node:net';

export interface RawAnswer {
  status: number;
  /** Names in lower case. */
  headers: Map<string, string>;
  text: string;
  json: unknown;
}

/** Writes bytes to a socket as they are, and reads the one answer until the daemon closes or the answer is whole. */
export function exchange(socketPath: string | NetConnectOpts, ...parts: (string | Buffer)[]): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const socket = typeof socketPath === 'string' ? connect(socketPath) : connect(socketPath);
    const finish = () => {
      socket.destroy();
      const answer = parse(received);
      if (answer) resolve(answer);
      else reject(new Error(`no whole answer: ${received.toString().slice(0, 500)}`));
    };
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (parse(received)) finish();
    });
    // A daemon that refuses may close before it has read everything.
    socket.on('error', () => undefined);
    socket.on('close', finish);
    for (const part of parts) socket.write(part);
  });
}

function parse(bytes: Buffer): RawAnswer | undefined {
  const [head, ...rest] = bytes.toString('latin1').split('\r\n\r\n');
  const [first = '', ...lines] = (head ?? '').split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1]);
  if (!status || rest.length === 0) return undefined;
  const headers = new Map(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  );
  const text = Buffer.from(rest.join('\r\n\r\n'), 'latin1').toString();
  if (Buffer.byteLength(text) < Number(headers.get('content-length') ?? 0)) return undefined;
  const isJson = headers.get('content-type')?.includes('json') && text !== '';
  return { status, headers, text, json: isJson ? (JSON.parse(text) as unknown) : undefined };
}
