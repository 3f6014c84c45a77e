import { HoldfastError } from '../../index.ts';
import { changesOver } from '../changes.ts';
import { app, json, UsageError, type Call, type Command } from '../command.ts';
import { paint, print, printJson, tell } from '../screen.ts';
import { safe, safeLines } from '../text.ts';
import { find } from './find.ts';

export const tail: Command = {
  args: '<id>',
  summary: 'the newest messages of a session',
  options: {
    app,
    messages: { type: 'string', short: 'n', value: 'N', summary: 'so many messages, 1000 at most (10)' },
    follow: { type: 'boolean', short: 'f', summary: 'go on with new ones until Ctrl-C' },
    json,
  },
  run: async (call) => {
    if (call.json && call.flag('follow')) throw new UsageError('--json answers one document: it cannot --follow.');
    const last = call.count('messages', 10);
    const at = await find(call);
    // Looked at first, so that no change falls between it and what is shown.
    const { revision } = await call.client.sessions.get(at);
    const newest = await call.client.sessions.messages({ ...at, last: Math.max(last, 1) });
    const { head, generation } = newest;
    const items = last === 0 ? [] : newest.items;
    if (call.json) {
      await printJson({ ...at, head, generation, messages: items });
      return 0;
    }
    await print(items.map(message).join('\n'));
    if (newest.items.length === 0) tell('It has no messages.');
    if (call.flag('follow')) await follow(call, at, { head, generation, revision });
    return 0;
  },
};

/**
 * Until the process is ended: at each change of the session, and where such may be missing, what is newer. The one before
 * them may have gone long since; then they are those after all that went.
 */
async function follow({ client }: Call, at: { app: string; id: string }, since: Since) {
  let { head: after, generation: known } = since;
  for await (const _ of changesOver(client, { app: [at.app], id: [at.id], after: since.revision })) {
    try {
      const page = await client.sessions.messages({ ...at, after, limit: 1000, expectedGeneration: known });
      await print(page.items.map((item) => `\n${message(item)}`).join(''));
      after = page.items.at(-1)?.seq ?? after;
    } catch (error) {
      if (!(error instanceof HoldfastError) || error.code !== 'stale') throw error;
      // Rewritten: its numbers name other messages now.
      const newest = await client.sessions.messages({ ...at, last: 1 });
      [after, known] = [newest.head, newest.generation];
      tell('\n(The session was rewritten; what follows is new.)');
    }
  }
}

interface Since {
  head: number;
  generation: number;
  revision: string;
}
type Item = Awaited<ReturnType<Call['client']['sessions']['messages']>>['items'][number];

function message(item: Item): string {
  const place = `#${item.seq}`;
  if ('damaged' in item) return `${place}  damaged: ${safe((item.damaged as { reason: string }).reason)}\n`;
  const { role, content, id: _, seq: _seq, ...rest } = item as Record<string, unknown>;
  const body = content === undefined ? JSON.stringify(rest) : textOf(content);
  return `${paint('bold', `${place}  ${safe(typeof role === 'string' ? role : '-')}`)}\n${safeLines(body)}\n`;
}

/** What a person reads of a message: texts, and the names of what is none. */
function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return JSON.stringify(content);
  return content
    .map((part: { text?: unknown; type?: unknown } | null) =>
      typeof part?.text === 'string' ? part.text : `[${typeof part?.type === 'string' ? part.type : 'part'}]`,
    )
    .join('\n');
}
