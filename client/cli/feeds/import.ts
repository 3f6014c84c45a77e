import { app, dryRun, json, type Command } from '../command.ts';
import { print, printJson } from '../screen.ts';
import { decode, maxBytes, readBytes } from './read.ts';
import { readOpml, type Outline } from './opml.ts';
import { plan } from './plan.ts';
import { report } from './report.ts';
import { store } from './store.ts';
import { storedFeeds } from './stored.ts';

export const importFile: Command = {
  args: '<file>',
  summary: 'adds the feeds of an OPML file; - is stdin',
  options: { app, 'dry-run': dryRun, json },
  more: `What is there stays as it is: a feed whose address is stored is skipped, and one
whose name is another feed's is numbered. So the same file may be imported again.
Folders become the category ('News / Daily'), the attribute category the tags;
htmlUrl, description and language go into the metadata. The file may have
${maxBytes / 1024 / 1024} MiB, in any encoding that it declares. User names and passwords do not
belong into a URL: the application stores them, sealed.
Exit code 1 if a feed was refused; the others are added all the same.`,
  run: async (call) => {
    const [own, [path = '']] = [call.app(), call.args];
    const outlines = await read(path);
    const { feeds, damaged } = await storedFeeds(call.client, own);
    const made = plan(outlines, feeds, damaged);
    if (!call.dryRun) await store(call.client, own, made);
    const renamed = made.additions.filter(({ reason }) => reason !== undefined);
    if (call.json) {
      const { skipped, refused, leftOut } = made;
      await printJson({
        app: own,
        dryRun: call.dryRun,
        added: made.additions.map(({ line, name, url }) => ({ line, name, url })),
        renamed: renamed.map(({ line, from, name, reason }) => ({ line, from, name, reason })),
        skipped,
        refused,
        leftOut,
      });
    } else await print(report(made, call.dryRun));
    return made.refused.length > 0 ? 1 : 0;
  },
};

async function read(path: string): Promise<Outline[]> {
  try {
    return await readOpml(decode(await readBytes(path)));
  } catch (error) {
    throw new Error(`${path === '-' ? 'stdin' : path}: ${(error as Error).message}.`, { cause: error });
  }
}
