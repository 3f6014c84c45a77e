import { setTimeout as sleep } from 'node:timers/promises';
import { uuidv7 } from '../../shared/uuid.ts';
import { RawClient } from './raw-client.ts';

const words = 'the of agent file error test patch line read write session token cache commit branch value'.split(' ');

/** About 500 bytes as a chat message has them: text that differs from message to message, and an id of its own. */
export function message(n: number, withId = true): object {
  let content = '';
  for (let seed = n * 2_654_435_761; content.length < 420; seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) {
    content += `${words[seed % words.length] ?? ''} `;
  }
  const fields = { role: n % 2 === 0 ? 'user' : 'assistant', content, timestamp: new Date().toISOString() };
  return withId ? { id: uuidv7(), ...fields } : fields;
}

export interface LoadResult {
  callers: number;
  perCall: number;
  messagesPerSecond: number;
  /** Of one call, in milliseconds. */
  p50: number;
  p99: number;
}

export const sessionPath = (index: number) => `/v1/apps/bench/sessions/s${index}`;

export interface Load {
  callers: number;
  /** Messages per call. */
  perCall: number;
  ms: number;
  sessions: number;
  withId?: boolean;
}

/** Callers that each append one call after the other, every session in turn, for a while. */
export async function load(socket: string, { callers, perCall, ms, sessions, withId }: Load): Promise<LoadResult> {
  const clients = await Promise.all(Array.from({ length: callers }, () => RawClient.open(socket)));
  const latencies: number[] = [];
  let n = Math.floor(Math.random() * 1e9);
  const start = performance.now();
  const run = async (client: RawClient) => {
    while (performance.now() - start < ms) {
      const messages = Array.from({ length: perCall }, () => message(n++, withId));
      const before = performance.now();
      const path = `${sessionPath(n % sessions)}/messages`;
      await client.send('POST', path, JSON.stringify({ messages }), `Idempotency-Key: ${uuidv7()}\r\n`);
      latencies.push(performance.now() - before);
    }
  };
  await Promise.all(clients.map(run));
  const seconds = (performance.now() - start) / 1000;
  for (const client of clients) client.close();
  latencies.sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.floor(latencies.length * share)] ?? 0;
  await sleep(200);
  return { callers, perCall, messagesPerSecond: (latencies.length * perCall) / seconds, p50: at(0.5), p99: at(0.99) };
}

export async function makeSessions(socket: string, sessions: number): Promise<void> {
  const client = await RawClient.open(socket);
  for (let index = 0; index < sessions; index++) {
    await client.send('POST', '/v1/apps/bench/sessions', JSON.stringify({ id: `s${index}` }));
  }
  client.close();
}
