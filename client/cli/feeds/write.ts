import type { Feed } from '../../../shared/resources/feeds.ts';
import { details, separator, withoutLogin } from './opml.ts';

/** Folders, with the feeds in them. */
interface Folder {
  folders: Map<string, Folder>;
  feeds: Feed[];
}

/**
 * Feeds as OPML 2.0, which `readOpml` reads back: the name as text, the display name as title, the category as folders,
 * the tags as category. Without a date: the same feeds give the same text. `notes` say what is not in it.
 */
export function writeOpml(app: string, feeds: Feed[]): { text: string; notes: string[] } {
  const root: Folder = { folders: new Map(), feeds: [] };
  for (const feed of feeds) folderOf(root, feed.category ?? '').feeds.push(feed);
  const head = `  <head>\n    <title>Feeds of ${app}</title>\n  </head>\n`;
  const body = `  <body>\n${linesOf(root, '    ').join('')}  </body>\n`;
  const text = `<?xml version="1.0" encoding="UTF-8"?>\n<opml version="2.0">\n${head}${body}</opml>\n`;
  return { text, notes: notesOn(feeds) };
}

/** The folder of a category, made where there is none. What would have a part without a name is one folder. */
function folderOf(root: Folder, category: string): Folder {
  const parts = category.split(separator);
  let folder = root;
  for (const name of parts.includes('') ? [category].filter(Boolean) : parts) {
    const inside: Folder = folder.folders.get(name) ?? { folders: new Map(), feeds: [] };
    folder.folders.set(name, inside);
    folder = inside;
  }
  return folder;
}

function linesOf({ folders, feeds }: Folder, indent: string): string[] {
  const inOrder = [...folders].toSorted(([one], [other]) => (one < other ? -1 : 1));
  return [
    ...feeds.map((feed) => `${indent}<outline type="rss"${written(fieldsOf(feed))}/>\n`),
    ...inOrder.flatMap(([name, folder]) => [
      `${indent}<outline${written({ text: withoutLogin(name) })}>\n`,
      ...linesOf(folder, `${indent}  `),
      `${indent}</outline>\n`,
    ]),
  ];
}

function fieldsOf({ name, url, displayName, tags, metadata }: Feed): Record<string, string> {
  const known = details.map((detail): [string, string] => [detail, textOf(metadata[detail])]);
  const texts = Object.entries({ text: name, title: displayName ?? '', ...Object.fromEntries(known) });
  return {
    ...Object.fromEntries(texts.map(([field, text]) => [field, withoutLogin(text)])),
    category: tags.filter(isCarried).map(withoutLogin).join(','),
    xmlUrl: url,
  };
}

const textOf = (value: unknown) => (typeof value === 'string' ? value : '');
/** OPML writes tags with commas between them, and has no way to write one in a tag. */
const isCarried = (tag: string) => tag !== '' && tag === tag.trim() && !tag.includes(',');

const references: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
/** What XML has no place for, in any form. */
const forbidden = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

/** Attributes that have a value; line ends and tabs as references, or a reader takes them for spaces. */
const written = (fields: Record<string, string>) =>
  Object.entries(fields)
    .filter(([, text]) => text !== '')
    .map(([name, text]) => ` ${name}="${escaped(text)}"`)
    .join('');
const escaped = (text: string) =>
  text
    .replaceAll(forbidden, '\ufffd')
    .replaceAll(/[&<>"\t\n\r]/g, (character) => references[character] ?? `&#${character.charCodeAt(0)};`);

const textsOf = ({ name, displayName, category, tags, metadata }: Feed): string[] =>
  [name, displayName, category, ...tags, ...details.map((detail) => metadata[detail])].map(textOf);

/** What of a feed is not in the file, and how to know. */
const losses: [what: string, has: (feed: Feed) => boolean][] = [
  ['a login, which is not in the file', ({ auth }) => auth.kind !== 'none'],
  [
    'an address with a password in a text, which was taken out',
    (feed) => textsOf(feed).some((text) => withoutLogin(text) !== text),
  ],
  [
    'metadata that OPML has no place for',
    ({ metadata }) =>
      Object.keys(metadata).some((key) => !details.some((detail) => detail === key && textOf(metadata[key]) !== '')),
  ],
  ['tags with commas or with spaces around them, which OPML has no place for', ({ tags }) => !tags.every(isCarried)],
  [
    'characters that XML has no place for, replaced by U+FFFD',
    (feed) => [feed.url, ...textsOf(feed)].some((text) => text.search(forbidden) !== -1),
  ],
];

const notesOn = (feeds: Feed[]): string[] =>
  losses.flatMap(([what, has]) => {
    const count = feeds.filter(has).length;
    return count === 0 ? [] : [`${count} of the feeds ${count === 1 ? 'has' : 'have'} ${what}.`];
  });
