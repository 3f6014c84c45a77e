import type { SessionSummary } from '../../shared/resources/sessions.ts';
import { app, dryRun, erase, json, limit, type Call, type Command, type Group } from './command.ts';
import { pages, paint, print, printJson, record, table, tell } from './screen.ts';
import { exportOne } from './sessions/export.ts';
import { find } from './sessions/find.ts';
import { search } from './sessions/search.ts';
import { tail } from './sessions/tail.ts';
import { duration, safe, when } from './text.ts';

const statuses = ['active', 'paused', 'completed', 'abandoned'] as const;
type Status = (typeof statuses)[number];
type Damaged = { id: string; damaged: { reason: string } };

const list: Command = {
  summary: 'sessions, the one that changed last first',
  more: 'On a terminal, ids are cut to what tells those shown apart; elsewhere they are whole.',
  options: {
    app,
    status: { type: 'string', value: 'STATUS', choices: statuses, summary: 'only those' },
    directory: { type: 'string', value: 'DIR', summary: 'only those of this working directory' },
    model: { type: 'string', value: 'NAME', summary: 'only those of this model' },
    deleted: { type: 'boolean', summary: 'those that can be restored, instead' },
    limit,
    json,
  },
  run: async (call) => {
    const own = call.app();
    const [status, workingDirectory, model] = [call.text('status'), call.text('directory'), call.text('model')];
    const filter = {
      app: own,
      deleted: call.flag('deleted'),
      ...(status !== undefined && { status: status as Status }),
      ...(workingDirectory !== undefined && { workingDirectory }),
      ...(model !== undefined && { model }),
    };
    const { items, more } = await pages(call.count('limit', 50), (page) =>
      call.client.sessions.list({ ...filter, ...page }),
    );
    if (call.json) await printJson({ app: own, sessions: items, more });
    else if (items.length === 0) tell(`${own} has no ${filter.deleted ? 'deleted ' : ''}sessions that fit.`);
    else
      await print(
        table(['CHANGED', 'MESSAGES', 'STATUS', 'ID', 'TITLE'], (filter.deleted ? items : shortIds(items)).map(row)),
      );
    if (more && !call.json) tell(`There are more: --limit ${items.length * 10} shows more of them.`);
    return 0;
  },
};

/** On a terminal, ids are cut to what tells these sessions apart: a whole UUID leaves no room for titles. */
function shortIds<Item extends { id: string }>(items: Item[]): Item[] {
  if (!process.stdout.isTTY) return items;
  // One that changed between two pages may be in both.
  const ids = [...new Set(items.map(({ id }) => id))];
  const begin = (id: string) => Array.from(id).slice(0, length).join('');
  let length = 8;
  while (new Set(ids.map(begin)).size < ids.length) length++;
  return items.map((item) => ({ ...item, id: begin(item.id) }));
}

function row(item: SessionSummary | Damaged): string[] {
  if ('damaged' in item) return ['-', '-', 'damaged', item.id, item.damaged.reason];
  const { updatedAt, messageCount, status, id, title, preview } = item;
  return [when(updatedAt), String(messageCount), status, id, title ?? preview ?? ''];
}

const show: Command = {
  args: '<id>',
  summary: 'what is known of one session',
  options: { app, json },
  run: async (call) => {
    const { app: own, id } = await find(call);
    const found = await call.client.sessions.get({ app: own, id });
    if (call.json) {
      await printJson({ app: own, session: found });
      return 0;
    }
    const { lease, forkedFrom } = found;
    const rows = record([
      ['id', found.id],
      ['status', found.status],
      ['model', found.model],
      ['directory', found.workingDirectory],
      ['messages', found.messageCount],
      ['tokens', `${found.inputTokens} in, ${found.outputTokens} out`],
      ['cost', found.costNanoUsd === 0 ? null : `${(found.costNanoUsd / 1e9).toFixed(4)} USD`],
      ['forked from', forkedFrom && `${forkedFrom.id}, up to message ${forkedFrom.upTo}`],
      [
        'held by',
        lease && `${lease.owner}${lease.pid === null ? '' : ` (pid ${lease.pid})`}, until ${when(lease.expiresAt)}`,
      ],
      ['created', when(found.createdAt)],
      ['changed', `${when(found.updatedAt)}, ${duration(Math.max(0, Date.now() - Date.parse(found.updatedAt)))} ago`],
      ['begins', found.preview],
    ]);
    await print(`${paint('bold', safe(found.title ?? '(no title)'))}\n\n${rows}`);
    return 0;
  },
};

const fork: Command = {
  args: '<id>',
  summary: 'a new session that begins as this one; prints its id',
  options: {
    app,
    'up-to': { type: 'string', value: 'SEQ', summary: 'number of the last message it shares; all of them when absent' },
    title: { type: 'string', value: 'TEXT', summary: 'of the new session' },
    json,
  },
  run: async (call) => {
    const upTo = call.text('up-to') === undefined ? undefined : call.count('up-to', 0);
    const title = call.text('title');
    const { app: own, id } = await find(call);
    const made = await call.client.sessions.fork({
      app: own,
      id,
      ...(upTo !== undefined && { upTo }),
      ...(title !== undefined && { title }),
    });
    if (call.json) await printJson({ app: own, session: made });
    else await print(`${safe(made.id)}\n`);
    return 0;
  },
};

const remove: Command = {
  args: '<id>',
  summary: 'deletes a session; it can be restored for 30 days',
  options: { app, erase, 'dry-run': dryRun },
  run: async (call) => {
    const { app: own, id } = await find(call, call.flag('erase'));
    const forGood = call.flag('erase');
    if (call.dryRun) {
      const what = await about(call, own, id);
      tell(`Would ${forGood ? 'erase for good' : 'delete'} ${what}. Nothing was changed.`);
      return 0;
    }
    await call.client.sessions.delete({ app: own, id, ...(forGood && { erase: true }) });
    const back = `'holdfast sessions restore ${safe(id)} --app ${own}' brings it back for 30 days.`;
    tell(`${safe(id)} is ${forGood ? 'erased' : `deleted. ${back}`}${forGood ? '.' : ''}`);
    return 0;
  },
};

/** The session as a sentence names it. One that was deleted before has no record to be read, and may still be erased. */
async function about({ client }: Call, own: string, id: string): Promise<string> {
  const deleted = async () => {
    const { items } = await pages(Infinity, (page) => client.sessions.list({ app: own, deleted: true, ...page }));
    return items.find((item) => item.id === id);
  };
  const found = await client.sessions.get({ app: own, id }).catch(async (error: unknown) => {
    const gone = await deleted();
    if (gone && !('damaged' in gone)) return gone;
    throw error;
  });
  const { title, messageCount, updatedAt } = found;
  const holder = 'lease' in found && found.lease ? `, held by ${safe(found.lease.owner)}` : '';
  return `${safe(id)} (${title === null ? 'no title' : `"${safe(title)}"`}, ${messageCount === 1 ? '1 message' : `${messageCount} messages`}, changed ${when(updatedAt)}${holder})`;
}

const restore: Command = {
  args: '<id>',
  summary: 'takes a deletion back; `list --deleted` has the ids',
  options: { app, json },
  run: async (call) => {
    const own = call.app();
    const session = await call.client.sessions.restore({ app: own, id: call.args[0] ?? '' });
    if (call.json) await printJson({ app: own, session });
    else tell(`${safe(session.id)} is back.`);
    return 0;
  },
};

export const sessions: Group = {
  summary: 'the conversations of an application',
  asks: true,
  commands: { list, show, tail, search, export: exportOne, fork, delete: remove, restore },
};
