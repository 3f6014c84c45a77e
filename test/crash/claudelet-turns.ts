import type { Client } from '../../client/index.ts';
import { send } from '../helpers/curl.ts';

// Turns of a conversation as Claudelet has them: a draft while the answer streams, then in one call the messages, what
// they cost, the status, that they wait for delivery, and the end of the draft.

export const turn = (n: number, note = '') => ({
  messages: [
    { id: `question ${n}`, role: 'user', content: `question ${n} ${note}` },
    { id: `answer ${n}`, role: 'assistant', content: `answer ${n}` },
  ],
  usage: { inputTokens: 7, outputTokens: 3, costNanoUsd: 1 },
  status: n % 2 === 1 ? ('completed' as const) : ('active' as const),
  delivery: 'pending' as const,
  clearDraft: true,
});

/** Sends a turn once, as a plain request; resolves with the status, or with 0 when no answer came. */
export async function sendTurn(socket: string, id: string, body: object, key: string): Promise<number> {
  const path = `/v1/apps/test/sessions/${id}/messages`;
  return send(socket, 'POST', path, body, { 'idempotency-key': key }).then(
    ({ status }) => status,
    () => 0,
  );
}

/** How many turns each part of a session shows; the draft is the number of the turn that it was for. */
export async function partsOf(client: Client, id: string) {
  const { messageCount, inputTokens, outputTokens, costNanoUsd, status } = await client.sessions.get({ id });
  const { items, deliveries } = await client.sessions.messages({ id, limit: 1000 });
  const draft = await client.drafts.get({ id }).then(
    ({ text }) => Number(text),
    () => null,
  );
  const counts = [
    messageCount / 2,
    items.length / 2,
    deliveries.length / 2,
    inputTokens / 7,
    outputTokens / 3,
    costNanoUsd,
  ];
  return { counts, status, draft };
}

/** What is wrong when `turns` were answered and one more may have been stored; empty when it is whole. */
export function halves({ counts, status, draft }: Awaited<ReturnType<typeof partsOf>>, turns: number): string[] {
  const [stored = 0] = counts;
  const wrong = counts.some((count) => count !== stored) ? [`parts of turns: ${counts.join()}`] : [];
  if (stored !== turns && stored !== turns + 1) wrong.push(`${stored} turns, not ${turns} or one more`);
  if (status !== (stored % 2 === 1 ? 'completed' : 'active')) wrong.push(`status ${status} after ${stored} turns`);
  if (draft !== null && draft !== stored + 1) wrong.push(`the draft of turn ${draft} after ${stored} turns`);
  return wrong;
}

/** The first characters of an answer that comes in tokens. */
export const answerTo = (length: number): string =>
  Array.from({ length: Math.ceil(length / 10) }, (_, n) => `token ${String(n).padStart(3, '0')} `)
    .join('')
    .slice(0, length);
