// What no source file of the daemon may do, because it would drop the locks that ownership rests on.

/** The only files that open a database. */
const openers = ['ownership.ts', 'store/sqlite/connection.ts'];

/** Functions of node:fs that open a file, or hand out a descriptor that somebody closes. */
const opening =
  /(?<!function )\b(flush|readFile|writeFile|appendFile|open|openAsBlob|copyFile|cp|truncate|createReadStream|createWriteStream|access|utimes)(Sync)?\(/g;
/** What looks like it and is not: migrate.ts flushes finished copies and their folder, which no connection has open. */
const harmless = new Set(
  ['flush(partial)', 'flush(folder)', "openSync(path, 'r')"].map((call) => `store/sqlite/migrate.ts: ${call}`),
);
/** How the files of the store are spoken of. A path in store/sqlite is the database's. */
const storeFile = /\b(database|ownerLock|owner\.lock|holdfast\.db)\b|-wal|-shm/;

/** The arguments of a call, from behind its opening bracket. */
function argumentsAt(source: string, start: number): string {
  let depth = 1;
  let end = start;
  while (end < source.length && depth > 0) {
    const character = source[end++];
    if (character === '(') depth += 1;
    if (character === ')') depth -= 1;
  }
  return source.slice(start, end - 1);
}

const withoutComments = (source: string) => source.replaceAll(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, '');

/** What is forbidden in a source file of the daemon, named by its path below daemon/; empty when nothing is. */
export function forbidden(file: string, text: string): string[] {
  const source = withoutComments(text);
  const found: string[] = [];
  if (!openers.includes(file)) {
    if (/\bnew\s+DatabaseSync\b/.test(source)) found.push(`${file} opens a database`);
    if (/^import\s+(?!type\b)(?![^;]*\{\s*type [\w, ]*\})[^;]*'node:sqlite'/m.test(source)) {
      found.push(`${file} imports node:sqlite for more than its types`);
    }
  }
  for (const match of source.matchAll(opening)) {
    const given = argumentsAt(source, match.index + match[0].length);
    const inStore =
      file.startsWith('store/sqlite/') && given !== '' && !/new URL\(|import\.meta|^dirname\(/.test(given);
    const call = `${file}: ${match[0]}${given})`;
    if ((storeFile.test(given) || inStore) && !harmless.has(call)) found.push(call);
  }
  return found;
}
