interface Page {
  items: object[];
  nextCursor: string | null;
}

/** Every page of a list, from the first to the one without a cursor. */
export async function walk<P extends Page>(list: (cursor: { cursor?: string }) => Promise<P>): Promise<P[]> {
  const pages: P[] = [];
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page = await list(cursor === undefined ? {} : { cursor });
    pages.push(page);
    cursor = page.nextCursor;
    if (pages.length > 2_000) throw new Error('the list does not end');
  }
  return pages;
}

/** The items of pages or of one page, none of which may be damaged. */
export function itemsOf<P extends Page>(pages: P | P[]) {
  const items = [pages].flat().flatMap((page) => (page as P).items) as P['items'];
  if (items.some((item) => 'damaged' in item)) throw new Error(`damaged: ${JSON.stringify(items)}`);
  return items as Exclude<P['items'][number], { damaged: { reason: string } }>[];
}
