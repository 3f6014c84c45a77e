import { HoldfastError, type Client } from '../../index.ts';
import { progress } from '../progress.ts';
import { sameUrl, type Addition, type Plan } from './plan.ts';

/** Writes that wait at a time: they travel together, and each is answered well before its deadline. */
const atOnce = 500;

/** Adds what is planned, and takes out of the plan what turned out otherwise. */
export async function store(client: Client, own: string, made: Plan): Promise<void> {
  const all = made.additions;
  made.additions = [];
  using shown = progress(all.length, 'feeds');
  for (let at = 0; at < all.length; at += atOnce) {
    const done = await Promise.allSettled(all.slice(at, at + atOnce).map((one) => add(client, own, made, one)));
    const failed = done.find((one) => one.status === 'rejected');
    if (failed) throw told(failed.reason, made.additions.length, all.length);
    shown.at(at + atOnce);
  }
}

async function add(client: Client, own: string, made: Plan, one: Addition): Promise<void> {
  const { line, url, fields } = one;
  try {
    await client.feeds.put({ app: own, name: one.name, url, ...fields, ifAbsent: true });
    made.additions.push(one);
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    const { code, message } = error;
    if (code === 'invalid_input') made.refused.push({ line, name: one.name, reason: message });
    else if (code !== 'exists') throw error;
    else {
      // Somebody else added a feed of this name since the list was read: perhaps this one.
      const { url: other } = await client.feeds.get({ app: own, name: one.name });
      if (sameUrl(other) === sameUrl(url)) {
        made.skipped.push({ line, name: one.name, reason: 'was added by another process meanwhile' });
      } else {
        one.rename();
        await add(client, own, made, one);
      }
    }
  }
}

/** An error in the middle, with what it means for the import. */
function told(error: unknown, done: number, all: number): unknown {
  if (!(error instanceof HoldfastError)) return error;
  const message = `${error.message} ${done} of ${all} feeds are added: the same command adds the others.`;
  return new HoldfastError(error.code, message, error.details, { cause: error });
}
