import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { draftWriter } from '../../client/index.ts';
import { problemSchema } from '../../shared/problem.ts';
import { send, type RawReply } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { integrityOf } from '../helpers/integrity.ts';
import { refusal } from '../helpers/refusal.ts';
import { runProcess } from '../helpers/processes.ts';
import { until } from '../helpers/wait.ts';
import { answerTo } from './claudelet-turns.ts';

// Invariant: a save that was answered is there after any end of the daemon, whole; one that was not is there whole or
// not at all, and its caller knows.

const writes = 50;
const documentOf = (n: number) => ({
  title: `Session ${n}`,
  metadata: { n },
  usage: { inputTokens: n },
  messages: Array.from({ length: 40 }, (_, index) => ({ role: 'user', content: `${n}.${index} `.repeat(600) })),
});
const ids = Array.from({ length: writes }, (_, n) => `session-${n}`);

/** Ends the daemon while 50 whole documents are being saved; what each caller was told, and what is stored then. */
async function endDuringSaves(home: TestHome, signal: NodeJS.Signals) {
  const daemon = await home.start();
  const replies = new Map<string, RawReply | Error>();
  const saves = ids.map(async (id, n) => {
    const reply = send(home.paths.socket, 'PUT', `/v1/apps/test/sessions/${id}`, documentOf(n));
    replies.set(id, await reply.catch((error: unknown) => error as Error));
  });
  await Promise.race(saves);
  const during = writes - replies.size;
  const exit = await daemon.end(signal);
  await Promise.all(saves);

  const integrity = integrityOf(home.paths.database);
  await home.start();
  const client = home.client();
  const stored = new Map<string, boolean>();
  for (const [n, id] of ids.entries()) {
    const session = await client.sessions.get({ id }).catch(() => undefined);
    if (!session) continue;
    const { items } = await client.sessions.messages({ id });
    const { title, metadata, usage, messages } = documentOf(n);
    expect(session).toMatchObject({ title, metadata, ...usage, messageCount: messages.length });
    expect(items).toMatchObject(messages);
    stored.set(id, true);
  }
  const answered = ids.filter((id) => statusOf(replies.get(id)) === 201);
  const others = ids.filter((id) => statusOf(replies.get(id)) !== 201);
  return { exit, during, integrity, replies, stored, answered, others };
}

const statusOf = (reply: RawReply | Error | undefined) => (reply && 'status' in reply ? reply.status : 0);
/** Whether a caller was told plainly: a retryable problem, or a connection that was never taken. */
function isPlain(reply: RawReply | Error | undefined): boolean {
  if (!reply) return false;
  if (reply instanceof Error) return 'code' in reply && ['ENOENT', 'ECONNREFUSED'].includes(String(reply.code));
  const problem = problemSchema.safeParse(reply.json).data;
  return problem?.code === 'shutting_down' && problem.retryable;
}

describe('Claudelet C4: the daemon ends during 50 saves', () => {
  it('SIGTERM: what was answered is there, the others were told and are not', async () => {
    await using home = new TestHome();
    const { exit, during, integrity, replies, stored, answered, others } = await endDuringSaves(home, 'SIGTERM');
    expect({ exit, integrity }).toEqual({ exit: { code: 0, signal: null }, integrity: 'ok' });
    expect(during).toBeGreaterThan(0);
    expect([...stored.keys()].toSorted()).toEqual(answered.toSorted());
    expect(others.filter((id) => !isPlain(replies.get(id)))).toEqual([]);
  });

  it('red control and kill -9: callers are left without an answer, yet what was answered is there', async () => {
    await using home = new TestHome();
    const { exit, integrity, replies, stored, answered, others } = await endDuringSaves(home, 'SIGKILL');
    expect({ exit, integrity }).toEqual({ exit: { code: null, signal: 'SIGKILL' }, integrity: 'ok' });
    expect(answered.filter((id) => !stored.has(id))).toEqual([]);
    expect(others.filter((id) => !isPlain(replies.get(id)))).not.toEqual([]);
  });

  it('the client library: a save in between ends by itself after the restart, or by its deadline with a plain error', async () => {
    await using home = new TestHome();
    const daemon = await home.start();
    const client = home.client();
    const before = ids.map((id, n) => client.sessions.replace({ id, ...documentOf(n) }));
    await Promise.race(before);
    await daemon.end('SIGKILL');
    const hasty = home.client({ deadlineMs: 50 });
    const late = await refusal(hasty.sessions.replace({ id: 'late', ...documentOf(0) }));
    expect(late).toMatchObject({ code: 'unavailable', retryable: true });
    await home.start();
    for (const summary of await Promise.all(before)) expect(summary.messageCount).toBe(40);
    expect((await client.sessions.list({ limit: 1000 })).items).toHaveLength(writes);
  });
});

describe('Claudelet C4: an end in the middle of an answer', () => {
  const module = join(import.meta.dirname, 'claudelet-answer-process.ts');

  it.each([
    ['the application', false],
    ['the application and the daemon', true],
  ])('kill -9 of %s: the text so far is there', async (_, both) => {
    await using home = new TestHome();
    const daemon = await home.start();
    const client = home.client();
    await client.sessions.create({ id: 's' });
    const worker = runProcess<number>(module, ['s'], { HOLDFAST_HOME: home.home });
    const failed = worker.done.catch((error: unknown) => error);
    let kept = 0;
    worker.child.on('message', (length: number) => (kept = length));
    await until('some of the answer is kept', () => kept >= 100, 30_000);
    if (both) daemon.child.kill('SIGKILL');
    worker.child.kill('SIGKILL');
    await failed;
    if (both) await daemon.exited.then(() => home.start());

    const { text } = await client.drafts.get({ id: 's' });
    expect(text.length).toBeGreaterThanOrEqual(kept);
    expect(text).toBe(answerTo(text.length));
    expect((await client.sessions.messages({ id: 's' })).items).toEqual([]);
  });

  it('kill -9 of the daemon alone: the answer goes on, and is there once and whole', async () => {
    await using home = new TestHome();
    let daemon = await home.start();
    const client = home.client();
    await client.sessions.create({ id: 's' });
    const errors: unknown[] = [];
    const draft = draftWriter(client, { id: 's', intervalMs: 1, onError: (error) => errors.push(error) });
    for (const end of [50, 150, 250]) {
      for (let length = end - 49; length <= end; length++) draft.update(answerTo(length));
      await daemon.end('SIGKILL');
      daemon = await home.start();
      await draft.flush();
      expect((await client.drafts.get({ id: 's' })).text).toBe(answerTo(end));
    }
    const completed = draft.complete({ messages: [{ role: 'assistant', content: answerTo(300) }] });
    await daemon.end('SIGKILL');
    await home.start();
    await completed;
    await draft[Symbol.asyncDispose]();
    expect((await client.sessions.messages({ id: 's' })).items).toMatchObject([{ content: answerTo(300) }]);
    expect((await refusal(client.drafts.get({ id: 's' }))).code).toBe('not_found');
    expect(errors).toEqual([]);
  });

  it('red control: without a draft nothing of it is left', async () => {
    await using home = new TestHome();
    const daemon = await home.start();
    await home.client().sessions.create({ id: 's' });
    await daemon.end('SIGKILL');
    await home.start();
    expect((await refusal(home.client().drafts.get({ id: 's' }))).code).toBe('not_found');
  });
});
