/** What of a claimed message its end is called with. */
export const held = ({ queue, id, claim }: { queue: string; id: string; claim: string }) => ({ queue, id, claim });
