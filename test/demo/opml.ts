// A small strict reader for the demo's own feed list. It takes what OPML needs of XML and refuses the rest by name:
// no document types, so no entities but the five of XML and character numbers.

export interface Feed {
  name: string;
  url: string;
  /** The outlines around it, as in `News / Daily`. */
  category: string | null;
}

const token =
  /<!--[^]*?-->|<\?[^]*?\?>|<(?<end>\/?)(?<name>[A-Za-z][\w.-]*)(?<attributes>(?:\s+[\w:.-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(?<empty>\/?)>|[^<]+/y;
const attribute = /([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;
const characters = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
]);

/** The feeds of an OPML document, in its order; throws with the place of what it does not take. */
export function readOpml(text: string): Feed[] {
  const feeds: Feed[] = [];
  const open: { element: string; label: string | undefined }[] = [];
  let roots = 0;
  token.lastIndex = text.startsWith('\ufeff') ? 1 : 0;
  while (token.lastIndex < text.length) {
    const at = token.lastIndex;
    const found = token.exec(text)?.groups;
    if (found === undefined) throw new Error(`OPML: cannot read '${text.slice(at, at + 20)}' at character ${at}`);
    const { end, name: element, attributes = '', empty } = found;
    if (element === undefined) continue;
    if (end === '/') {
      const begun = open.pop()?.element;
      if (begun !== element) throw new Error(`OPML: </${element}> ends <${begun ?? 'nothing'}> at character ${at}`);
      continue;
    }
    if (open.length === 0 && (element !== 'opml' || ++roots > 1)) {
      throw new Error(`OPML: <${element}> at character ${at}, where the one <opml> should be`);
    }
    const label = element === 'outline' ? readOutline(attributes, open, feeds, at) : undefined;
    if (empty !== '/') open.push({ element, label });
  }
  if (open.length > 0 || roots === 0) throw new Error(`OPML: it ends inside <${open.at(-1)?.element ?? 'nothing'}>`);
  return feeds;
}

function readOutline(attributes: string, open: { label: string | undefined }[], feeds: Feed[], at: number): string {
  const fields = new Map<string, string>();
  for (const [, name = '', double, single] of attributes.matchAll(attribute)) {
    if (fields.has(name)) throw new Error(`OPML: '${name}' twice in the outline at character ${at}`);
    fields.set(name, decode(double ?? single ?? ''));
  }
  const label = fields.get('text') ?? fields.get('title');
  if (label === undefined) throw new Error(`OPML: the outline at character ${at} has no text`);
  const url = fields.get('xmlUrl');
  if (url !== undefined) {
    const around = open.flatMap((outline) => outline.label ?? []);
    feeds.push({ name: label, url, category: around.length > 0 ? around.join(' / ') : null });
  }
  return label;
}

function decode(text: string): string {
  return text.replaceAll(
    /&(?:#x([\da-f]+);|#(\d+);|(\w+);)?/gi,
    (whole, hex: string, decimal: string, name: string) => {
      const code = hex ? Number.parseInt(hex, 16) : decimal ? Number(decimal) : undefined;
      const character =
        code === undefined ? characters.get(name) : code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
      if (character === undefined) throw new Error(`OPML: '${whole}' stands for nothing`);
      return character;
    },
  );
}
