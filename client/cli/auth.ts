import type { Call, Command, Group } from './command.ts';
import { app, dryRun, erase, json, limit } from './command.ts';
import { pages, print, printJson, table, tell } from './screen.ts';
import { safe, when } from './text.ts';

type Item = Awaited<ReturnType<Call['client']['auth']['list']>>['items'][number];

const list: Command = {
  summary: 'credentials and how they are, never with their secrets',
  options: { app, limit, json },
  run: async (call) => {
    const own = call.app();
    const { items, more } = await pages(call.count('limit', 50), (page) =>
      call.client.auth.list({ app: own, ...page }),
    );
    if (call.json) await printJson({ app: own, credentials: items, more });
    else if (items.length === 0) tell(`${own} has no credentials.`);
    else await print(table(['PROFILE', 'KIND', 'ACCOUNT', 'EXPIRES', 'STATE'], items.map(row)));
    if (more && !call.json) tell(`There are more: --limit ${items.length * 10} shows more of them.`);
    return 0;
  },
};

function row(item: Item): string[] {
  if ('damaged' in item) return [item.id, '-', '-', '-', `damaged: ${item.damaged.reason}`];
  const state = item.credentials === 'unreadable' ? "unreadable: see 'holdfast key status'" : item.state;
  const busy = item.refreshing ? ', being refreshed' : '';
  return [
    item.profile,
    item.kind,
    item.account ?? '-',
    when(item.expiresAt),
    `${state}${busy}${item.reason ? `: ${item.reason}` : ''}`,
  ];
}

const remove: Command = {
  args: '<profile>',
  summary: 'removes a credential; it can be restored for 30 days',
  options: { app, erase, 'dry-run': dryRun },
  run: async (call) => {
    const [own, [profile = ''], forGood] = [call.app(), call.args, call.flag('erase')];
    if (call.dryRun) {
      const at = { app: own, profile };
      // Not by what it is now: that may be damaged, and of one that is to be erased only versions may be left.
      const { items } = await call.client.auth.versions(at);
      const found = items.find(({ current }) => current || forGood) ?? (await call.client.auth.get(at));
      const whose = [found.kind, found.account].filter(Boolean).join(' of ');
      tell(`Would ${forGood ? 'erase for good' : 'remove'} ${safe(profile)} (${safe(whose)}). Nothing was changed.`);
      return 0;
    }
    await call.client.auth.delete({ app: own, profile, ...(forGood && { erase: true }) });
    tell(`${safe(profile)} is ${forGood ? 'erased' : 'removed'}.`);
    return 0;
  },
};

export const auth: Group = { summary: 'the credentials of an application', asks: true, commands: { list, remove } };
