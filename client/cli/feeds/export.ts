import { app, type Command } from '../command.ts';
import { print, tell } from '../screen.ts';
import { safe, safeLines } from '../text.ts';
import { writeNew } from '../write-new.ts';
import { storedFeeds } from './stored.ts';
import { writeOpml } from './write.ts';

export const exportFile: Command = {
  args: '[file]',
  summary: 'the feeds as OPML 2.0, on stdout or in a new file',
  options: { app, force: { type: 'boolean', summary: 'replace the file if there is one' } },
  more: `Never with the logins of feeds. That and what else is not in the file is told on
stderr. The same feeds give the same file. Exit code 1 if a feed is damaged: it
is named, and the others are written.`,
  run: async (call) => {
    const [own, [path = '-']] = [call.app(), call.args];
    const { feeds, damaged } = await storedFeeds(call.client, own);
    const { text, notes } = writeOpml(own, feeds);
    if (path !== '-') await writeNew(path, text, call.flag('force'));
    // Exact where it is kept; on a terminal, what the terminal would obey is written out.
    else await print(process.stdout.isTTY ? safeLines(text) : text);
    if (path !== '-') tell(`Feeds written to ${safe(path)}: ${feeds.length}.`);
    for (const note of notes) tell(note);
    return damaged.length > 0 ? 1 : 0;
  },
};
