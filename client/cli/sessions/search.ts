import { app, json, limit, type Call, type Command } from '../command.ts';
import { pages, paint, print, printJson, tell } from '../screen.ts';
import { safe, when } from '../text.ts';

export const search: Command = {
  args: '<words>...',
  summary: 'messages that hold all the words, best first; of every application, or of one',
  options: {
    app,
    role: { type: 'string', value: 'ROLE', summary: 'only messages of this role, as user' },
    limit: { ...limit, summary: 'at most so many (20)' },
    json,
  },
  more: `Words in double quotes are a phrase: holdfast sessions search '"race condition"'`,
  run: async (call) => {
    const [own, role] = [call.text('app'), call.text('role')];
    const query = { q: call.args.join(' '), ...(role !== undefined && { role }) };
    const { items, more } = await pages(call.count('limit', 20), ({ limit: wanted, cursor }) => {
      const page = { ...query, limit: Math.min(wanted, 100), ...(cursor !== undefined && { cursor }) };
      return own === undefined
        ? call.client.search.everywhere(page)
        : call.client.search.messages({ app: own, ...page });
    });
    if (call.json) await printJson({ query: query.q, hits: items, more });
    else if (items.length === 0) tell('Nothing holds all these words.');
    else await print(items.map(hit).join('\n'));
    if (more && !call.json) tell(`\nThere are more: --limit ${items.length * 5} shows more of them.`);
    return 0;
  },
};

type Hit = Awaited<ReturnType<Call['client']['search']['everywhere']>>['items'][number];

function hit(item: Hit): string {
  const place = `${safe(item.session)} #${item.seq}`;
  if ('damaged' in item) return `${place}  ${item.app}  damaged: ${safe(item.damaged.reason)}\n`;
  const title = item.title === null ? '' : `  ${safe(item.title)}`;
  return `${paint('bold', place)}  ${item.app}  ${safe(item.role ?? '-')}  ${when(item.at)}${title}\n  ${marked(item)}\n`;
}

/** The snippet with its matches in bold. */
function marked({ snippet, matches }: Extract<Hit, { snippet: string }>): string {
  let [text, at] = ['', 0];
  for (const { start, end } of matches) {
    text += safe(snippet.slice(at, start)) + paint('bold', safe(snippet.slice(start, end)));
    at = end;
  }
  return text + safe(snippet.slice(at));
}
