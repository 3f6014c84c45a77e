import type { Limit } from '../../shared/resources/limits.ts';
import { app, json, limit, type Command, type Group } from './command.ts';
import { pages, print, printJson, table, tell } from './screen.ts';
import { duration } from './text.ts';

const list: Command = {
  summary: 'limits by name, and what remains of each',
  options: { app, limit, json },
  run: async (call) => {
    const own = call.app();
    const { items, more } = await pages(call.count('limit', 50), (page) =>
      call.client.limits.list({ app: own, ...page }),
    );
    if (call.json) await printJson({ app: own, limits: items, more });
    else if (items.length === 0) tell(`${own} has set and used no limits.`);
    else await print(table(['NAME', 'REMAINING', 'REFILL'], items.map(row)));
    if (more && !call.json) tell(`There are more: --limit ${items.length * 10} shows more of them.`);
    return 0;
  },
};

function row(item: Limit | { id: string; damaged: { reason: string } }): string[] {
  if ('damaged' in item) return [item.id, 'damaged', item.damaged.reason];
  const every = item.intervalMs % 60_000 === 0 ? duration(item.intervalMs) : `${item.intervalMs / 1000} s`;
  return [item.name, `${item.remaining} of ${item.capacity}`, `${item.refill} every ${every}`];
}

export const limits: Group = {
  summary: 'limits that the processes of an application share',
  asks: true,
  commands: { list },
};
