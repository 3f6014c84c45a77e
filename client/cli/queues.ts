import { app, dryRun, json, limit, type Call, type Command, type Group } from './command.ts';
import { pages, print, printJson, record, table, tell } from './screen.ts';
import { safe, safeJson, when } from './text.ts';

type Item = Awaited<ReturnType<Call['client']['queues']['list']>>['items'][number];

const dead: NonNullable<Command['options']>[string] = {
  type: 'boolean',
  summary: 'the dead messages: claimed as often as they may be, and never done',
};

const list: Command = {
  args: '<queue>',
  summary: 'messages in the order in which they are given out',
  options: { app, dead, limit, json },
  run: async (call) => {
    const [own, [queue = '']] = [call.app(), call.args];
    const state = call.flag('dead') ? { state: 'dead' as const } : {};
    const { items, more } = await pages(call.count('limit', 50), (page) =>
      call.client.queues.list({ app: own, queue, ...state, ...page }),
    );
    if (call.json) await printJson({ app: own, queue, messages: items, more });
    else if (items.length === 0) tell(`${safe(queue)} has no ${call.flag('dead') ? 'dead ' : ''}messages.`);
    else await print(table(['ID', 'STATE', 'PRIORITY', 'GROUP', 'TRIED', 'ADDED', 'BODY'], items.map(row)));
    if (more && !call.json) tell(`There are more: --limit ${items.length * 10} shows more of them.`);
    return 0;
  },
};

function row(item: Item): string[] {
  if ('damaged' in item) return [item.id, 'damaged', '-', '-', '-', '-', item.damaged.reason];
  const { id, state, priority, group, attempts, createdAt, body } = item;
  return [id, state, priority, group ?? '-', String(attempts), when(createdAt), JSON.stringify(body)];
}

const show: Command = {
  args: '<queue> <id>',
  summary: 'one message',
  options: { app, json },
  run: async (call) => {
    const [queue = '', id = ''] = call.args;
    const message = await call.client.queues.get({ app: call.app(), queue, id });
    if (call.json) {
      await printJson({ message });
      return 0;
    }
    const { state, priority, group, attempts, maxAttempts, hiddenUntil, reason, createdAt, body } = message;
    await print(
      record([
        ['Id', message.id],
        ['State', hiddenUntil === null ? state : `${state} until ${when(hiddenUntil)}`],
        ['Priority', priority],
        ['Group', group],
        ['Tried', maxAttempts === null ? attempts : `${attempts} of ${maxAttempts}`],
        ['Reason', reason],
        ['Added', when(createdAt)],
      ]) + safeJson(`${JSON.stringify(body, null, 2)}\n`),
    );
    return 0;
  },
};

const stats: Command = {
  summary: 'the queues, and how many messages they hold',
  options: { app, json },
  run: async (call) => {
    const own = call.app();
    const { queues: found } = await call.client.queues.stats({ app: own });
    const rows = found.map((one) => [
      one.queue,
      ...[one.ready, one.claimed, one.delayed, one.dead].map(String),
      when(one.oldestReadyAt),
    ]);
    if (call.json) await printJson({ app: own, queues: found });
    else if (rows.length === 0) tell(`${own} has no messages in queues.`);
    else await print(table(['QUEUE', 'READY', 'CLAIMED', 'DELAYED', 'DEAD', 'OLDEST'], rows));
    return 0;
  },
};

const requeue: Command = {
  args: '<queue> <id>',
  summary: 'gives a dead message another chance, at the end of the queue',
  options: { app, json },
  run: async (call) => {
    const [queue = '', id = ''] = call.args;
    const message = await call.client.queues.requeue({ app: call.app(), queue, id });
    if (call.json) await printJson({ message });
    else tell(`${safe(message.id)} is ${message.state}.`);
    return 0;
  },
};

const what = (count: number) => `${count} ${count === 1 ? 'message' : 'messages'}`;

const clear: Command = {
  args: '<queue>',
  summary: 'removes all messages that nobody has claimed, but no dead ones',
  options: { app, dead: { ...dead, summary: 'the dead messages instead' }, 'dry-run': dryRun },
  run: async (call) => {
    const [queue = ''] = call.args;
    const dry = call.dryRun ? { dryRun: true } : {};
    const input = { app: call.app(), queue, ...(call.flag('dead') && { dead: true }), ...dry };
    let answer = await call.client.queues.clear(input);
    let { cleared } = answer;
    while (answer.left > 0 && !call.dryRun) {
      answer = await call.client.queues.clear(input);
      cleared += answer.cleared;
    }
    if (call.dryRun) tell(`Would remove ${what(answer.left)} of ${safe(queue)}. Nothing was changed.`);
    else tell(`${what(cleared)} of ${safe(queue)} ${cleared === 1 ? 'is' : 'are'} removed.`);
    const [stay, them] = answer.claimed === 1 ? ['stays', 'it'] : ['stay', 'them'];
    if (answer.claimed > 0) tell(`${what(answer.claimed)} ${stay}: somebody has claimed ${them}.`);
    return 0;
  },
};

export const queues: Group = {
  summary: 'the queues of an application',
  asks: true,
  commands: { list, show, stats, requeue, clear },
};
