import type * as z from 'zod';
import { label } from '../../../shared/fields.ts';
import { put } from '../../../shared/resources/feeds.ts';
import type { Element } from './xml.ts';

/** What a feed has that OPML carries, apart from its name and its address. */
export interface Fields {
  category?: string;
  displayName?: string;
  tags?: string[];
  metadata?: Record<string, string>;
}

/** A field that stands in the file and will not be stored. */
export interface LeftOut {
  field: string;
  reason: string;
}

/** A line of an outline, unless it is a folder. */
export interface Outline {
  line: number;
  /** The address as it stands there; undefined for what has none. */
  url: string | undefined;
  /** It says that it is a feed. */
  isFeed: boolean;
  /** What it may be called, best first. */
  names: string[];
  fields: Fields;
  leftOut: LeftOut[];
}

/** Without the user names and passwords in addresses: they are not to be stored in plain text, shown, or given away. */
export const withoutLogin = (text: string): string => text.replaceAll(/[/\\]{2}[^\s/\\?#]*@/g, '//');

/** Stands between the names of folders, one inside the other, in the category of a feed. */
export const separator = ' / ';
/** What OPML says of a feed and holdfast has no field for: kept in its metadata, by these names. */
export const details = ['htmlUrl', 'description', 'language'] as const;

const shape = put.input.shape;
const longestCategory = 1000;
const longText = label(100_000);

/** What a document of OPML 1.0, 1.1 or 2.0 lists, in its order. Throws with the line where it is no such document. */
export async function readOpml(text: string): Promise<Outline[]> {
  // Loaded when it is needed: the other commands are quicker without.
  const { elementsOf } = await import('./xml.ts');
  const [root, ...elements] = elementsOf(text);
  if (root?.name.toLowerCase() !== 'opml')
    throw new Error(`line ${root?.line}: this is no OPML, which begins with <opml>`);
  const found: Outline[] = [];
  // The folders around what is inside an element, by the depth of the element.
  const folders = [''];
  let [inBody, bodies] = [false, 0];
  for (const element of elements) {
    const { name, depth } = element;
    if (depth === 1) {
      inBody = name.toLowerCase() === 'body';
      bodies += Number(inBody);
    }
    const around = folders[depth - 1] ?? '';
    folders[depth] = around;
    if (!inBody || name.toLowerCase() !== 'outline') continue;
    const attributes = attributesOf(element);
    if (element.empty || attributes.get('xmlurl')) found.push(outlineOf(element.line, attributes, around));
    folders[depth] = within(around, attributes.get('text') || attributes.get('title') || '');
  }
  if (bodies === 0) throw new Error(`line ${root.line}: <opml> has no <body>, which lists the feeds`);
  return found;
}

/** Attributes by their names in small letters: programs write xmlUrl, xmlURL, xmlurl. The first of two counts. */
const attributesOf = ({ attributes }: Element) =>
  new Map(
    Object.entries(attributes)
      .toReversed()
      .map(([name, value]) => [name.toLowerCase(), value]),
  );

/** What is too long for a category grows no further: folders may lie deep. */
const within = (around: string, folder: string) =>
  around.length > longestCategory ? around : [around, folder].filter(Boolean).join(separator);

function outlineOf(line: number, attributes: Map<string, string>, around: string): Outline {
  const leftOut: LeftOut[] = [];
  const take = <T extends string | string[]>(field: string, value: T | undefined, schema: z.ZodType): T[] => {
    if (value === undefined || value.length === 0) return [];
    const reason = [value].flat().some((text) => withoutLogin(text) !== text)
      ? 'holds an address with a user name or a password, which would be stored in plain text'
      : schema.safeParse(value).error?.issues[0]?.message;
    if (reason === undefined) return [value];
    leftOut.push({ field, reason });
    return [];
  };
  const text = take('text', attributes.get('text'), longText);
  const title = take('title', attributes.get('title'), shape.displayName);
  const [category] = take('folder', around, shape.category);
  const tags = (attributes.get('category') ?? '').split(',').map((tag) => tag.trim());
  const [kept] = take('category', tags.filter(Boolean), shape.tags);
  const known = details.flatMap((detail) =>
    take(detail, attributes.get(detail.toLowerCase()), detail === 'htmlUrl' ? shape.url : longText).map((value) => [
      detail,
      value,
    ]),
  );
  return {
    line,
    url: attributes.get('xmlurl')?.trim() || undefined,
    isFeed: /^(rss|atom)$/i.test(attributes.get('type') ?? ''),
    names: [...text, ...title].filter((name) => name.trim() !== ''),
    fields: {
      ...(category !== undefined && { category }),
      ...(title[0] !== undefined && { displayName: title[0] }),
      ...(kept && { tags: kept }),
      ...(known.length > 0 && { metadata: Object.fromEntries(known) as Record<string, string> }),
    },
    leftOut,
  };
}
