import type { Json } from '../../shared/json.ts';
import type { Config } from '../../shared/resources/config/fields.ts';
import { app, dryRun, erase, json, limit, UsageError, type Command, type Group } from './command.ts';
import { edit } from './config/edit.ts';
import { exportFile } from './config/export.ts';
import { diff, history, revert } from './config/history.ts';
import { importFile } from './config/import.ts';
import { pages, print, printJson, table, tell } from './screen.ts';
import { safe, safeLines, when } from './text.ts';

const list: Command = {
  summary: 'documents of settings by name',
  options: { app, limit, json },
  run: async (call) => {
    const own = call.app();
    const { items, more } = await pages(call.count('limit', 50), (page) =>
      call.client.config.list({ app: own, ...page }),
    );
    if (call.json) await printJson({ app: own, config: items, more });
    else if (items.length === 0) tell(`${own} has no config documents.`);
    else await print(table(['NAME', 'VERSION', 'CHANGED', 'SIZE'], items.map(row)));
    if (more && !call.json) tell(`There are more: --limit ${items.length * 10} shows more of them.`);
    return 0;
  },
};

function row(item: Config | { id: string; damaged: { reason: string } }): string[] {
  if ('damaged' in item) return [item.id, 'damaged', '-', item.damaged.reason];
  return [item.name, String(item.version), when(item.updatedAt), String(item.size)];
}

const show: Command = {
  args: '<name> [path]',
  summary: 'a document, or one value of it, as YAML',
  options: {
    app,
    version: { type: 'string', value: 'N', summary: 'as it was then; history has the numbers' },
    json,
  },
  more: "A path is a JSON pointer, as '/plugins/news/enabled'; in a name ~1 is / and ~0 is ~.",
  run: async (call) => {
    const [own, [name = '', path]] = [call.app(), call.args];
    const version = call.text('version') === undefined ? undefined : call.count('version', 0);
    if (version !== undefined && path !== undefined)
      throw new UsageError('--version shows the whole document: leave the path out.');
    const config =
      version !== undefined
        ? await call.client.config.version({ app: own, name, version })
        : await call.client.config.get({ app: own, name, ...(path !== undefined && { path }) });
    if (call.json) await printJson({ app: own, config });
    else {
      const { yamlOf } = await import('./config/yaml.ts');
      const text = yamlOf(config.value as Json);
      await print(process.stdout.isTTY ? safeLines(text) : text);
    }
    return 0;
  },
};

const set: Command = {
  args: '<name> <path> <value>',
  summary: 'sets one value of a document, and makes what is missing on the way',
  options: { app, text: { type: 'boolean', summary: 'the value is text, whatever it looks like' }, json },
  more: `The path is a JSON pointer, as '/plugins/news/enabled'; '-' is the place after the last
element of an array. The value is YAML: true, 3, text, '[a, b]', '{a: 1}', '"3"'. One
that begins with - is written after --.`,
  run: async (call) => {
    const [name = '', path = '', given = ''] = call.args;
    const value = call.flag('text') ? given : await valueOf(given);
    const config = await call.client.config.set({ app: call.app(), name, path, value });
    if (call.json) await printJson({ config });
    else tell(`${safe(name)} is stored, as version ${config.version}.`);
    return 0;
  },
};

async function valueOf(given: string): Promise<Json> {
  const yaml = await import('./config/yaml.ts');
  try {
    return yaml.valueOf(given);
  } catch (error) {
    throw new UsageError(`The value cannot be read: ${(error as Error).message}. --text takes it as it is.`);
  }
}

const remove: Command = {
  args: '<name> [path]',
  summary: 'removes a document, or one value of it; revert brings it back',
  options: { app, erase: { ...erase, summary: 'with all its versions, for good' }, 'dry-run': dryRun },
  run: async (call) => {
    const [own, [name = '', path]] = [call.app(), call.args];
    const forGood = call.flag('erase');
    if (forGood && path !== undefined) throw new UsageError('--erase removes the whole document: leave the path out.');
    if (path === '') throw new UsageError('An empty path is the whole document: leave it out to remove that.');
    const what = path === undefined ? safe(name) : `${safe(path)} of ${safe(name)}`;
    // Only versions may be left of one that is to be erased.
    if (forGood) await call.client.config.versions({ app: own, name, limit: 1 });
    else await call.client.config.get({ app: own, name, ...(path !== undefined && { path }) });
    if (call.dryRun) tell(`Would ${forGood ? 'erase for good' : 'remove'} ${what}. Nothing was changed.`);
    else {
      if (path !== undefined) await call.client.config.set({ app: own, name, path });
      else await call.client.config.delete({ app: own, name, ...(forGood && { erase: true }) });
      tell(`${what} is ${forGood ? 'erased' : 'removed'}.`);
    }
    return 0;
  },
};

export const config: Group = {
  summary: 'the settings of an application',
  asks: true,
  commands: { list, show, set, remove, edit, history, diff, revert, export: exportFile, import: importFile },
};
