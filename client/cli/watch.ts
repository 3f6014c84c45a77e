import { HoldfastError, type Change } from '../index.ts';
import { changesOver } from './changes.ts';
import { json, UsageError, type Command, type Option } from './command.ts';
import { paint, print, tellError } from './screen.ts';
import { serving } from './serving.ts';
import { safe, safeJson, time } from './text.ts';

const filter = (value: string, summary: string): Option => ({ type: 'string', multiple: true, value, summary });

export const watch: Command = {
  summary: 'every change as it is stored, until Ctrl-C',
  options: {
    app: filter('NAME', 'only of this application; may be given more than once, as the next two'),
    kind: filter('KIND', 'only of this kind: session, message, feed, credential, ...'),
    id: filter('ID', 'only of this record, or this session with its messages'),
    after: { type: 'string', value: 'POSITION', summary: 'first what is stored since; 0: all that is kept' },
    limit: { type: 'string', value: 'N', summary: 'end after so many' },
    json: { ...json, summary: 'one JSON document in each line, whose `position` is what --after takes' },
  },
  more: 'Goes on over restarts of the daemon. It shows what changed, not what it is now.',
  run: async (call) => {
    const after = call.text('after');
    const [app, kind, id] = ['app', 'kind', 'id'].map((name) => {
      const given = call.texts(name);
      return given.length > 0 ? given : undefined;
    });
    let left = call.count('limit', Infinity);
    if (left === 0) throw new UsageError('--limit must be at least 1.');
    await serving();
    for await (const change of changesOver(call.client, { after, app, kind, id })) {
      if (change instanceof HoldfastError) {
        if (change.code !== 'damaged') throw change;
        tellError(change.message);
        continue;
      }
      await print(call.json ? safeJson(`${JSON.stringify(change)}\n`) : line(change));
      if (--left === 0) break;
    }
    return 0;
  },
};

function line({ at, app, op, kind, id, session, damaged }: Change): string {
  const [, verb = op] = op.split('.');
  const what = `${kind} ${safe(id)}${session === null ? '' : ` in ${safe(session)}`}`;
  const flaw = damaged ? `  damaged: ${safe(damaged.reason)}` : '';
  return `${paint('dim', time(at))}  ${safe(app).padEnd(12)}  ${safe(verb).padEnd(10)}  ${what}${flaw}\n`;
}
