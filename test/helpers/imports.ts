import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

/** Source files by their path in the repository, as `shared/paths.ts`. */
export type Sources = ReadonlyMap<string, string>;

/** One import: `target` is a path in the repository, or the name of a package or builtin. */
interface Edge {
  from: string;
  written: string;
  target: string;
  typeOnly: boolean;
}

interface Rule {
  files: RegExp;
  refuses: (edge: Edge) => boolean;
  why: string;
}

const anyOf =
  (...patterns: RegExp[]) =>
  ({ target }: Edge) =>
    patterns.some((pattern) => pattern.test(target));
const noneOf = (...patterns: RegExp[]) => {
  const allowed = anyOf(...patterns);
  return (edge: Edge) => !allowed(edge);
};
const engine = anyOf(/^daemon\/store\/sqlite\//, /^node:sqlite$/);
const ofResources = /^daemon\/store\/(tx|page|log|damage|seal|blobs|publish|wait)\.ts$/;

const rules: Rule[] = [
  {
    files: /^shared\//,
    refuses: noneOf(/^shared\//, /^zod$/, /^node:/),
    why: 'shared is the contract that both sides run: it knows zod, node: and itself only',
  },
  {
    files: /^client\//,
    refuses: anyOf(/^daemon\//),
    why: 'an application would load the daemon: client and daemon meet in shared',
  },
  {
    files: /^client\//,
    refuses: (edge) =>
      valueOfZod(edge) || (!isInlined(edge) && noneOf(/^client\//, /^shared\//, /^node:/, /^daemon\//, /^zod$/)(edge)),
    why: 'the client is thin: shared, node: and the types of zod, and no other package',
  },
  {
    files: /^daemon\//,
    refuses: anyOf(/^client\//),
    why: 'the daemon must not depend on the library that calls it: client and daemon meet in shared',
  },
  {
    files: /^daemon\/store\/resources\//,
    refuses: noneOf(/^shared\//, /^daemon\/store\/resources\//, ofResources),
    why: 'operations see the store through Tx and the seams only, so that another database engine can be added',
  },
  {
    files: /^daemon\/store\/[^/]+$/,
    refuses: engine,
    why: 'the seam of the store must not know an engine: SQLite stays in daemon/store/sqlite',
  },
  { files: /^daemon\/http\//, refuses: engine, why: 'HTTP talks to the Store interface, never to its engine' },
];

/** Parsers of the command line, each by the one file that is published with it inside. */
export const inlined: Readonly<Record<string, string>> = {
  'client/cli/config/yaml.ts': 'yaml',
  'client/cli/feeds/xml.ts': '@rgrove/parse-xml',
};
const isInlined = ({ from, target }: Edge) => inlined[from] === target;
const valueOfZod = ({ target, typeOnly }: Edge) => target === 'zod' && !typeOnly;

/** What stands in a file's code, not in an import: where it may, and why nowhere else. */
const places = [
  {
    pattern: /\bprocess\s*(\.|\?\.|\[\s*['"])\s*env\b|\benv\b[^;{}]*\}\s*=\s*process\b|from 'node:process'/,
    what: 'process.env',
    files: ['shared/paths.ts', 'daemon/config.ts', 'client/autostart.ts', 'client/cli/main.ts'],
    why: 'the environment is read in few places, or two parts of one process come to disagree',
  },
  {
    pattern: /\bnew\s+(\w+\.)?DatabaseSync\b/,
    what: 'new DatabaseSync',
    files: ['daemon/store/sqlite/connection.ts', 'daemon/ownership.ts'],
    why: 'each opening of a file that we lock can drop the lock: they stay where that is thought of',
  },
];

/** Files whose only content is one line per kind of record. */
const registries = /^(shared|daemon\/store)\/kinds\.ts$/;
const longest = 200;

export function readSources(root: string, folders = ['shared', 'client', 'daemon']): Sources {
  const files = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => posix.join(folder, file)),
  );
  return new Map(files.toSorted().map((file) => [file, readFileSync(join(root, file), 'utf8')]));
}

/** Everything that the rules forbid, one line each: the file, what it does, and why not. */
export function violations(sources: Sources): string[] {
  const edges = [...sources].flatMap(([file, text]) => edgesOf(file, text));
  return [
    ...edges.flatMap(refusals),
    ...edges.filter(({ target }) => isSource(target) && !sources.has(target)).map(missing),
    ...[...sources].flatMap(([file, text]) => ofText(file, text)),
    ...circles(sources, edges),
  ];
}

const isSource = (target: string) => /^(shared|client|daemon)\//.test(target);
const missing = ({ from, written }: Edge) => `${from} imports ${written}: there is no such file`;
const refusals = (edge: Edge) =>
  rules
    .filter(({ files, refuses }) => files.test(edge.from) && refuses(edge))
    .map(({ why }) => `${edge.from} imports ${edge.written}: ${why}`);

/** Code without lines that are comments; a remark behind code stays, and errs to the loud side. */
const codeOf = (text: string) => text.replaceAll(/^\s*(\/\/|\/?\*).*$/gm, '');

const statement = /^\s*(import|export)\s+(type\s)?([^;'"]*?\bfrom\s*)?(['"])([^'"\n]+)\4/gm;
const call = /\b(?:import|require|getBuiltinModule)\s*\(\s*(?:(['"])([^'"\n]+)\1|([^)\s'"][^)]*))/g;
/** Any relative path of a source file counts: a worker is started by one, through a variable. */
const literal = /(['"`])(\.{1,2}\/[^'"`\n]*\.ts)\1/g;

export function edgesOf(from: string, text: string): Edge[] {
  const code = codeOf(text);
  const edge = (written: string, typeOnly = false): Edge => ({
    from,
    written: `'${written}'`,
    target: written.startsWith('.') ? posix.join(posix.dirname(from), written) : written,
    typeOnly,
  });
  const statements = [...code.matchAll(statement)].map((match) => edge(match[5] ?? '', match[2] !== undefined));
  const calls = [...code.matchAll(call)].map((match) => edge(match[2] ?? `(${match[3] ?? ''})`));
  const named = new Set([...statements, ...calls].map(({ target }) => target));
  const literals = [...code.matchAll(literal)].map((match) => edge(match[2] ?? ''));
  return [...statements, ...calls, ...literals.filter(({ target }) => !named.has(target))];
}

function ofText(file: string, text: string): string[] {
  const code = codeOf(text);
  const found = places
    .filter(({ pattern, files }) => pattern.test(code) && !files.includes(file))
    .map(({ what, files, why }) => `${file} has '${what}', which belongs in ${files.join(', ')}: ${why}`);
  const lines = text.split('\n').length - 1;
  if (lines > longest) found.push(`${file} has ${lines} lines: above ${longest} a file does more than one thing`);
  const rest = code.replaceAll(/^\s*(export\s[^;]*?\bfrom|import\b[^;]*?)\s*['"][^'"\n]+['"];?/gm, '');
  const onlyNames = /^\s*(export\s*\{[^}]*\};?\s*)*$/.test(rest);
  if (onlyNames && /^\s*export\b/m.test(code) && file.split('/').length > 2 && !registries.test(file)) {
    found.push(`${file} only re-exports: a barrel hides who needs what, import the file itself`);
  }
  return found;
}

/** One message for each circle found, however long; every file is visited once. */
function circles(sources: Sources, edges: Edge[]): string[] {
  const next = Map.groupBy(edges, ({ from }) => from);
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (file: string, path: string[]): void => {
    const start = path.indexOf(file);
    if (start !== -1) {
      const circle = [...path.slice(start), file];
      found.push(`${circle[0]} imports '${circle[1]}': a circle, ${circle.join(' -> ')}; none of them loads alone`);
    } else if (!done.has(file)) {
      for (const { target } of next.get(file) ?? []) if (sources.has(target)) visit(target, [...path, file]);
      done.add(file);
    }
  };
  for (const file of sources.keys()) visit(file, []);
  return found;
}
