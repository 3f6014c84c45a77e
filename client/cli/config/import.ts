import { isSame } from '../../../shared/differences.ts';
import type { Json } from '../../../shared/json.ts';
import { HoldfastError } from '../../index.ts';
import { app, dryRun, json, type Call, type Command } from '../command.ts';
import { readBytes } from '../feeds/read.ts';
import { print, printJson, tell } from '../screen.ts';
import { safe } from '../text.ts';
import { decode, formatOf, headerOf, valueOfText } from './file.ts';
import { changeLines, conflictLines } from './report.ts';
import { storedOf, storeMerged, type Edit } from './store.ts';

const prefers = ['file', 'stored'] as const;

export const importFile: Command = {
  args: '<name> <file>',
  summary: 'stores what was changed in a YAML or JSON file; - is stdin',
  options: {
    app,
    base: { type: 'string', value: 'VERSION', summary: 'what the file was made from, if it does not say so' },
    replace: { type: 'boolean', summary: 'store the file as it is, whatever it was made from' },
    prefer: { type: 'string', value: 'SIDE', choices: prefers, summary: 'whose value counts where both changed it' },
    'dry-run': dryRun,
    json,
  },
  more: `The file says which version it was exported from, so what others changed since then
stays. Where they changed the same value, nothing is stored, and it is told by its
path: exit code 1. The file itself is never changed. YAML is 1.2, with a value for
each key, without tags of its own; it may have 8 MiB.`,
  run: async (call) => {
    const [own, [name = '', path = '']] = [call.app(), call.args];
    const { mine, baseOf } = await read(call, own, name, path);
    const prefer = call.text('prefer') as Edit['prefer'];
    const outcome = await storeMerged(call.client, { app: own, name, mine, baseOf, prefer, dryRun: call.dryRun });
    const { changes, conflicts, version } = outcome;
    if (call.json) {
      await printJson({ app: own, name, dryRun: call.dryRun, version: version ?? null, changes, conflicts });
    } else {
      await print([...conflictLines(conflicts), ...changeLines(changes)].map((line) => `${safe(line)}\n`).join(''));
      if (conflicts.length > 0) tell('Nothing was stored: --prefer file or --prefer stored decides, for all of these.');
      else if (version !== undefined) tell(`${safe(name)} is stored, as version ${version}.`);
      else tell(changes.length > 0 ? 'Nothing was stored: this is a dry run.' : 'Nothing is to be changed.');
    }
    return conflicts.length > 0 ? 1 : 0;
  },
};

/** What a file holds and what it was made from; refused where that is not known and something else is stored. */
async function read(call: Call, own: string, name: string, path: string): Promise<Pick<Edit, 'mine' | 'baseOf'>> {
  const [text, mine] = await (async () => {
    const decoded = decode(await readBytes(path));
    return [decoded, await valueOfText(decoded, formatOf(path))] as const;
  })().catch((error: unknown) => {
    throw new Error(`${path === '-' ? 'stdin' : path}: ${(error as Error).message}.`, { cause: error });
  });
  if (call.flag('replace')) return { mine, baseOf: (stored) => stored?.value };
  const given = call.text('base') === undefined ? undefined : call.count('base', 0);
  const header = given === undefined ? headerOf(text, own, name) : { version: given, revision: undefined };
  const base = header && (await versionOf(call, own, name, header));
  if (base) return { mine, baseOf: () => base.value };
  const stored = await storedOf(call.client, own, name);
  if (!stored || isSame(stored.value, mine)) return { mine, baseOf: () => undefined };
  const why = header
    ? `version ${header.version} is not known`
    : 'the file does not say which version it was made from';
  throw new Error(`${safe(name)} is stored, and ${why}: --base VERSION merges it, --replace replaces what is stored.`);
}

/** A version, if it is still the one that was meant: of a store that was restored, numbers may be others'. */
async function versionOf(
  { client }: Call,
  own: string,
  name: string,
  { version, revision }: { version: number; revision: string | undefined },
): Promise<{ value: Json } | undefined> {
  try {
    const found = await client.config.version({ app: own, name, version });
    return revision === undefined || found.revision === revision ? { value: found.value as Json } : undefined;
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'not_found') return undefined;
    throw error;
  }
}
