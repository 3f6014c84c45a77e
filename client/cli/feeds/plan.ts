import { put, type Feed } from '../../../shared/resources/feeds.ts';
import { nameOf, namer } from './names.ts';
import type { Fields, LeftOut, Outline } from './opml.ts';

/** What is to be said of a line of the file. `name` is null where it has none, or one that may hold a password. */
export interface Told {
  line: number;
  name: string | null;
  reason: string;
}

/** A feed to be added. */
export interface Addition {
  line: number;
  name: string;
  url: string;
  fields: Fields;
  /** What the file calls it. */
  from: string | null;
  /** Why `name` is another. */
  reason: string | undefined;
  /** Gives it the next free name: a feed of this one has come meanwhile. */
  rename: () => void;
}

export interface Plan {
  additions: Addition[];
  skipped: Told[];
  refused: Told[];
  leftOut: (Told & LeftOut)[];
}

const { url: urlField, displayName: titleField } = put.input.shape;

/** Addresses that differ only in how they are written are one. */
export const sameUrl = (url: string): string => (URL.canParse(url) ? new URL(url).href : url);

const hasLogin = (url: string) => URL.canParse(url) && `${new URL(url).username}${new URL(url).password}` !== '';

/** What an import would do. What is stored stays as it is, and each address is added once, so it can be done again. */
export function plan(outlines: Outline[], stored: Feed[], otherNames: string[]): Plan {
  const free = namer([...stored.map(({ name }) => name), ...otherNames]);
  const known = new Map(stored.map(({ name, url }) => [sameUrl(url), `is there already, as '${name}'`]));
  const made: Plan = { additions: [], skipped: [], refused: [], leftOut: [] };
  for (const outline of outlines) {
    const { line, url, isFeed, names, leftOut } = outline;
    // A login that was meant for the address may stand in the name as well.
    const name = names.find((one) => !one.includes('@')) ?? null;
    if (url === undefined) {
      made[isFeed ? 'refused' : 'skipped'].push({ line, name, reason: 'has no xmlUrl, the address of a feed' });
      continue;
    }
    const wrong = hasLogin(url)
      ? 'holds a user name or a password: take them out'
      : urlField.safeParse(url).error?.issues[0]?.message;
    const again = wrong === undefined ? known.get(sameUrl(url)) : undefined;
    if (wrong !== undefined) made.refused.push({ line, name, reason: `its xmlUrl ${wrong}` });
    else if (again !== undefined) made.skipped.push({ line, name, reason: again });
    else {
      const added = addition(outline, url, free);
      made.additions.push(added);
      made.leftOut.push(...leftOut.map((one) => ({ line, name: added.name, ...one })));
      known.set(sameUrl(url), `is the feed of line ${line} again`);
    }
  }
  return made;
}

function addition({ line, names, fields }: Outline, url: string, free: (wanted: string) => string): Addition {
  const { wanted, reason } = nameOf(names, url);
  const from = names[0] ?? null;
  const made: Addition = { line, name: wanted, url, fields, from, reason, rename };
  rename();
  return made;

  function rename() {
    made.name = free(wanted);
    if (reason === undefined && made.name === wanted) return;
    made.reason ??= "the name is another feed's";
    // What the file calls it is still what people read.
    if (from !== null && titleField.safeParse(from).success) fields.displayName ??= from;
  }
}
