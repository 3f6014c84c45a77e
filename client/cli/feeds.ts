import type { Feed } from '../../shared/resources/feeds.ts';
import { app, dryRun, json, limit, type Command, type Group } from './command.ts';
import { exportFile } from './feeds/export.ts';
import { importFile } from './feeds/import.ts';
import { pages, print, printJson, table, tell } from './screen.ts';
import { safe } from './text.ts';

const list: Command = {
  summary: 'feeds by name',
  options: { app, limit, json },
  run: async (call) => {
    const own = call.app();
    const { items, more } = await pages(call.count('limit', 50), (page) =>
      call.client.feeds.list({ app: own, ...page }),
    );
    if (call.json) await printJson({ app: own, feeds: items, more });
    else if (items.length === 0) tell(`${own} has no feeds.`);
    else await print(table(['NAME', 'CATEGORY', 'LOGIN', 'URL'], items.map(row)));
    if (more && !call.json) tell(`There are more: --limit ${items.length * 10} shows more of them.`);
    return 0;
  },
};

function row(item: Feed | { id: string; damaged: { reason: string } }): string[] {
  if ('damaged' in item) return [item.id, '-', 'damaged', item.damaged.reason];
  const login = item.credentials === 'unreadable' ? 'unreadable' : item.auth.kind;
  return [item.name, item.category ?? '-', login, item.url];
}

const add: Command = {
  args: '<name> <url>',
  summary: 'adds a feed; a name that exists is refused',
  options: {
    app,
    category: { type: 'string', value: 'TEXT', summary: 'of the feed' },
    title: { type: 'string', value: 'TEXT', summary: 'the name to show' },
    tag: { type: 'string', value: 'TEXT', multiple: true, summary: 'a tag; may be given again' },
    json,
  },
  more: 'User names, passwords and tokens do not belong into the URL: the application stores them, sealed.',
  run: async (call) => {
    const [name = '', url = ''] = call.args;
    const [category, displayName, tags] = [call.text('category'), call.text('title'), call.texts('tag')];
    const feed = await call.client.feeds.put({
      app: call.app(),
      name,
      url,
      ifAbsent: true,
      ...(category !== undefined && { category }),
      ...(displayName !== undefined && { displayName }),
      ...(tags.length > 0 && { tags }),
    });
    if (call.json) await printJson({ feed });
    else tell(`${safe(feed.name)} is added.`);
    return 0;
  },
};

const remove: Command = {
  args: '<name>',
  summary: 'removes a feed and its login',
  options: { app, 'dry-run': dryRun },
  run: async (call) => {
    const [own, [name = '']] = [call.app(), call.args];
    const feed = await call.client.feeds.get({ app: own, name });
    if (call.dryRun) tell(`Would remove ${safe(feed.name)} (${safe(feed.url)}). Nothing was changed.`);
    else {
      await call.client.feeds.delete({ app: own, name });
      tell(`${safe(feed.name)} is removed.`);
    }
    return 0;
  },
};

const rename: Command = {
  args: '<name> <new>',
  summary: 'renames a feed; a name that exists is refused',
  options: { app, json },
  run: async (call) => {
    const [name = '', to = ''] = call.args;
    const feed = await call.client.feeds.rename({ app: call.app(), name, to });
    if (call.json) await printJson({ feed });
    else tell(`${safe(name)} is now ${safe(feed.name)}.`);
    return 0;
  },
};

export const feeds: Group = {
  summary: 'the feeds of an application',
  asks: true,
  commands: { list, add, remove, rename, import: importFile, export: exportFile },
};
