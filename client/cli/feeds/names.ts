import { put } from '../../../shared/resources/feeds.ts';

const { name: nameField } = put.input.shape;
const longest = 200;

/** A name for a feed, and why it is not the one in the file: undefined where it is. */
export interface Name {
  wanted: string;
  reason: string | undefined;
}

/** The first of these texts as a name of a feed, or the nearest that may be one; after its address where there is none. */
export function nameOf([text]: string[], url: string): Name {
  const host = cut(new URL(url).host, longest);
  if (text === undefined) return { wanted: host, reason: 'has no name in the file: named after its address' };
  const given = nameField.safeParse(text);
  if (given.success) return { wanted: given.data, reason: undefined };
  const nearest = nameField.safeParse(cut(text.replaceAll(/\p{Cc}+/gu, ' ').trim(), longest));
  return { wanted: nearest.data ?? host, reason: `a name ${given.error.issues[0]?.message}` };
}

/** Answers each wanted name with itself the first time, and with a number behind it when a feed has it already. */
export function namer(stored: string[]): (wanted: string) => string {
  const used = new Set(stored);
  const next = new Map<string, number>();
  return (wanted) => {
    let name = wanted;
    for (let number = next.get(wanted) ?? 2; used.has(name); number++) {
      const suffix = ` (${number})`;
      name = nameField.parse(`${cut(wanted, longest - suffix.length)}${suffix}`);
      next.set(wanted, number + 1);
    }
    used.add(name);
    return name;
  };
}

const cut = (text: string, characters: number) => Array.from(text).slice(0, characters).join('');
