import type { Version } from '../../../shared/resources/config/fields.ts';
import { app, dryRun, json, limit, UsageError, type Command } from '../command.ts';
import { pages, print, printJson, table, tell } from '../screen.ts';
import { safe, when } from '../text.ts';
import { changeLines } from './report.ts';

export const history: Command = {
  args: '<name>',
  summary: 'who changed a document and when, newest first',
  options: { app, limit, json },
  more: "Also of a document that was removed: 'config revert' brings it back.",
  run: async (call) => {
    const [own, [name = '']] = [call.app(), call.args];
    const { items, more } = await pages(call.count('limit', 50), (page) =>
      call.client.config.versions({ app: own, name, ...page }),
    );
    if (call.json) await printJson({ app: own, name, versions: items, more });
    else await print(table(['VERSION', 'CHANGED', 'SIZE', 'HOW', 'BY'], items.map(row)));
    if (more && !call.json) tell(`There are more: --limit ${items.length * 10} shows more of them.`);
    return 0;
  },
};

function row(item: Version | { id: string; damaged: { reason: string } }): string[] {
  if ('damaged' in item) return [item.id, '-', '-', 'damaged', item.damaged.reason];
  const { version, at, size, op, client, pid } = item;
  const by = client === null ? '-' : `${client}${pid === null ? '' : ` (pid ${pid})`}`;
  return [String(version), when(at), size === null ? 'removed' : String(size), op.replace(/^config\./, ''), by];
}

function numberOf(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new UsageError("A version is a whole number: 'holdfast config history' shows them.");
}

export const diff: Command = {
  args: '<name> [from] [to]',
  summary: 'the values that differ between versions; the newest change when none is named',
  options: { app, json },
  more: `A line for each value, by its JSON pointer: + is new, - is gone, ~ is another one. An
array is one value. With one version, what changed since then.`,
  run: async (call) => {
    const [own, [name = '', given, to]] = [call.app(), call.args];
    const { items } = await call.client.config.versions({ app: own, name, limit: 1 });
    const newest = items[0] && ('version' in items[0] ? items[0].version : Number(items[0].id));
    const from = given === undefined ? Math.max(1, (newest ?? 1) - 1) : numberOf(given);
    const found = await call.client.config.diff({
      app: own,
      name,
      from,
      ...(to !== undefined && { to: numberOf(to) }),
    });
    if (call.json) await printJson({ app: own, ...found });
    else if (found.changes.length === 0) tell(`Versions ${found.from} and ${found.to} are the same.`);
    else
      await print(
        changeLines(found.changes)
          .map((line) => `${safe(line)}\n`)
          .join(''),
      );
    return 0;
  },
};

export const revert: Command = {
  args: '<name> <version>',
  summary: 'stores the value of an earlier version as a new one',
  options: { app, 'dry-run': dryRun, json },
  run: async (call) => {
    const [own, [name = '', given = '']] = [call.app(), call.args];
    const version = numberOf(given);
    if (call.dryRun) {
      // Refuses a version that is a removal, as a revert would.
      await call.client.config.version({ app: own, name, version });
      const { items } = await call.client.config.versions({ app: own, name, limit: 1 });
      const newest = items[0] && ('version' in items[0] ? items[0].version : Number(items[0].id));
      const { changes } = await call.client.config.diff({ app: own, name, from: newest ?? version, to: version });
      if (call.json) await printJson({ app: own, name, dryRun: true, changes });
      else
        await print(
          changeLines(changes)
            .map((line) => `${safe(line)}\n`)
            .join(''),
        );
      tell(`Would revert ${safe(name)} to version ${version}. Nothing was changed.`);
      return 0;
    }
    const config = await call.client.config.revert({ app: own, name, version });
    if (call.json) await printJson({ app: own, config });
    else tell(`${safe(name)} is as in version ${version}, by version ${config.version}.`);
    return 0;
  },
};
