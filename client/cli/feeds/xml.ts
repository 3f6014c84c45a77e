import { parseXml, XmlElement, XmlError } from '@rgrove/parse-xml';

// The one file that imports the XML parser, and nothing else: the published package carries both inside, as one file.

/** An element, in the order of the document: what is inside it follows it and is deeper. */
export interface Element {
  name: string;
  attributes: Readonly<Record<string, string>>;
  depth: number;
  line: number;
  /** No elements are inside. */
  empty: boolean;
}

// XML itself knows five names of characters. Feed readers also write these of HTML; the first 96 are U+00A0 and on.
const latin1 =
  'nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute micro para ' +
  'middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave ' +
  'Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc ' +
  'Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc ' +
  'iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml';
const others =
  'ndash – mdash — lsquo ‘ rsquo ’ sbquo ‚ ldquo “ rdquo ” bdquo „ hellip … bull • euro € trade ™ oelig œ OElig Œ';
const entities = new Map([
  ...latin1.split(' ').map((name, index): [string, string] => [`&${name};`, String.fromCodePoint(0xa0 + index)]),
  ...[...others.matchAll(/(\w+) (.)/gu)].map(([, name, character = '']): [string, string] => [`&${name};`, character]),
]);

/**
 * All elements of a document. Nothing is fetched, and what a document type declares is passed over, so entities of its
 * own are unknown. Throws with the line, and with no text of the document: it may hold a password.
 */
export function elementsOf(document: string): Element[] {
  // As XML asks for; the parser itself takes a time that grows with the square of their number.
  const text = document.replaceAll(/\r\n?/g, '\n');
  try {
    const { root } = parseXml(text, {
      includeOffsets: true,
      resolveUndefinedEntity: (entity) => entities.get(entity),
    });
    return root ? inOrder(root, text) : [];
  } catch (error) {
    throw reasonOf(error);
  }
}

function reasonOf(error: unknown): unknown {
  // The parser calls itself for each element inside another.
  if (error instanceof RangeError) return new Error('outlines lie thousands deep in one another: flatten them');
  if (!(error instanceof XmlError)) return error;
  // Behind a colon and in further lines it quotes the document.
  const [what = ''] = error.message.split(/: |\n| \(line /);
  const fix = /reference|entity/.test(what) ? ": a '&' that is meant as such is written '&amp;'" : '';
  return new Error(`line ${error.line}, column ${error.column}: ${what}${fix}`);
}

function inOrder(root: XmlElement, text: string): Element[] {
  const found: Element[] = [];
  const waiting: [element: XmlElement, depth: number][] = [[root, 0]];
  let [line, at] = [1, 0];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const [element, depth] = next;
    for (let end = text.indexOf('\n', at); end !== -1 && end < element.start; end = text.indexOf('\n', at)) {
      [line, at] = [line + 1, end + 1];
    }
    const inside = element.children.filter((child) => child instanceof XmlElement);
    found.push({ name: element.name, attributes: element.attributes, depth, line, empty: inside.length === 0 });
    for (const child of inside.toReversed()) waiting.push([child, depth + 1]);
  }
  return found;
}
