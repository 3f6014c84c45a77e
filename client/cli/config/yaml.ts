import { Document, LineCounter, parseDocument, visit, type Pair, type Scalar, type YAMLError } from 'yaml';
import { differences, isSame } from '../../../shared/differences.ts';
import { flawOf, type Json } from '../../../shared/json.ts';
import { namesOf } from '../../../shared/pointer.ts';

// The one file that imports the YAML parser: the published package carries both inside, as one file.

/** How often values may be repeated by aliases: a few lines could else stand for gigabytes. */
const maxAliasCount = 100;
const options = {
  version: '1.2',
  schema: 'core',
  resolveKnownTags: false,
  stringKeys: true,
  uniqueKeys: false,
  logLevel: 'error',
} as const;

/** The value of a YAML 1.2 document, JSON included. Throws with the line, where it is none or says what JSON cannot. */
export function valueOf(text: string): Json {
  return parsed(text).value;
}

/** A value as YAML. */
export function yamlOf(value: Json): string {
  const document = new Document(value, { ...options, aliasDuplicateObjects: false });
  return textOf(document, value) ?? `${JSON.stringify(value, null, 2)}\n`;
}

/** The text of a document; undefined if it would be read as another value: one that begins with a byte order mark is. */
function textOf(document: Document, value: Json): string | undefined {
  const text = document.toString({ lineWidth: 0 });
  return isSame(valueOf(text), value) ? text : undefined;
}

/** A YAML text with another value, changed only where that differs: the comments of all else stay. */
export function updated(text: string, value: Json): string {
  const { document, value: before } = parsed(text);
  try {
    for (const { path, after } of differences(before, value)) {
      const node = typeof after === 'object' ? document.createNode(after) : after;
      if (after === undefined) document.deleteIn(namesOf(path));
      else document.setIn(namesOf(path), node);
    }
    return textOf(document, value) ?? yamlOf(value);
  } catch {
    // Where an alias stands for the place that changes, the text cannot be kept.
    return yamlOf(value);
  }
}

function parsed(text: string): { document: Document.Parsed; value: Json } {
  const lines = new LineCounter();
  try {
    const document = parseDocument(text, { ...options, lineCounter: lines });
    const [flaw] = [...document.errors, ...document.warnings];
    if (flaw) throw new Error(reasonOf(flaw));
    if (document.directives.yaml.version !== '1.2') throw new Error('line 1: only YAML 1.2 is read: remove %YAML');
    if (document.contents === null) throw new Error('it holds nothing: write null or {} if that is meant');
    check(document, (offset) => `line ${lines.linePos(offset).line}`);
    const value = document.toJS({ maxAliasCount }) as Json;
    const flawed = flawOf(value);
    if (flawed !== undefined) throw new Error(`it ${flawed}`);
    return { document, value };
  } catch (error) {
    if (error instanceof RangeError) throw new Error('it nests too deep', { cause: error });
    if (error instanceof ReferenceError)
      throw new Error(`it has an alias too many: ${error.message}`, { cause: error });
    throw error;
  }
}

function reasonOf({ code, message, linePos }: YAMLError): string {
  const what =
    code === 'MULTIPLE_DOCS' ? 'a second document begins: only one is read' : message.split(/ at line |\n/)[0];
  return `line ${linePos?.[0].line ?? 1}, column ${linePos?.[0].col ?? 1}: ${what}`;
}

/** What would silently become another value: a key that comes twice, a whole number of too many digits. */
function check(document: Document.Parsed, lineAt: (offset: number) => string): void {
  visit(document, {
    // The parser's own check takes a time that grows with the square of their number.
    Map: (_, { items }) => {
      const seen = new Set<unknown>();
      for (const { key } of items as Pair<Scalar>[]) {
        if (seen.has(key.value)) throw new Error(`${lineAt(key.range?.[0] ?? 0)}: this key is there before`);
        seen.add(key.value);
      }
    },
    Scalar: (_, { value, source, range }) => {
      const written = typeof value === 'number' && source !== undefined && /^[-+]?\d+$/.test(source);
      if (!written || BigInt(value) === BigInt(source.replace('+', ''))) return;
      throw new Error(`${lineAt(range?.[0] ?? 0)}: ${source} is more than a number holds: quote it`);
    },
  });
}
