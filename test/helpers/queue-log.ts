import type { Change } from '../../client/index.ts';

/** What the log says of a queue's messages: that each was done once, and by whom it was held before. */
export interface Drain {
  visibilityMs: number;
  isUrgent: (id: string) => boolean;
}

interface Known {
  hiddenUntil: number;
  claims: number;
  done: boolean;
}

/** Every promise of a queue that the changes break which its messages went through, in commit order. */
export function drainFlaws(changes: Pick<Change, 'id' | 'op' | 'at'>[], { visibilityMs, isUrgent }: Drain): string[] {
  const messages = new Map<string, Known>();
  const urgent = new Map<string, Known>();
  const flaws: string[] = [];
  for (const { id, op, at } of changes) {
    const now = Date.parse(at);
    const known = messages.get(id);
    if (op === 'queues.add') {
      const added = { hiddenUntil: 0, claims: 0, done: false };
      if (known) flaws.push(`${id} was added twice`);
      messages.set(id, added);
      if (isUrgent(id)) urgent.set(id, added);
    } else if (!known || known.done) flaws.push(`${op} of ${id}, which is not there`);
    else if (op === 'queues.ack') {
      if (known.claims === 0) flaws.push(`${id} was done and never claimed`);
      known.done = true;
      urgent.delete(id);
    } else {
      if (now < known.hiddenUntil) flaws.push(`${id} was given to two at once`);
      Object.assign(known, { hiddenUntil: now + visibilityMs, claims: known.claims + 1 });
      const passed = isUrgent(id) ? undefined : [...urgent].find(([, other]) => other.hiddenUntil <= now);
      if (passed) flaws.push(`${id} came before ${passed[0]}, which is urgent`);
    }
  }
  for (const [id, { done }] of messages) if (!done) flaws.push(`${id} was not done`);
  return flaws;
}
