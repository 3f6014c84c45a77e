import type { Client } from '../../client/index.ts';
import { isSame } from '../../shared/differences.ts';
import type { Json } from '../../shared/json.ts';
import { effectOf, type Call, type History } from './config-model.ts';
import { itemsOf, walk } from './pages.ts';

/** A call that was answered, and what its caller knew. */
export interface Done {
  name: string;
  call: Call;
  expected: string | undefined;
  /** Versions of the document that were acknowledged before it was made: it was answered from no older state. */
  since: number;
  answer: { revision: string } | { refused: string };
}
/** A document as it was read. */
export interface Seen {
  name: string;
  since: number;
  version: number;
  value: Json;
}

/** What all callers were told. It fits together if the writes, in the order of the versions, make what is stored. */
export class Ledger {
  readonly done: Done[] = [];
  readonly seen: Seen[] = [];
  readonly #acknowledged = new Map<string, number>();

  acknowledged(name: string, version?: number): number {
    const newest = Math.max(this.#acknowledged.get(name) ?? 0, version ?? 0);
    this.#acknowledged.set(name, newest);
    return newest;
  }

  /** Compares what is stored with what was told; answers what does not fit. */
  async check(client: Client, name: string): Promise<string[]> {
    const pages = await walk((page) => client.config.versions({ name, order: 'asc', limit: 100, ...page }));
    const stored = pages.flatMap(itemsOf);
    const revisions = stored.map(({ revision }) => revision);
    const history: (Json | undefined)[] = [];
    const flaws: string[] = [];
    for (const [index, { version, size, op, revision }] of stored.entries()) {
      if (version !== index + 1) flaws.push(`${name}: version ${version} comes after ${index}`);
      const then = size === null ? undefined : ((await client.config.version({ name, version })).value as Json);
      const told = this.done.filter(({ answer, ...one }) => one.name === name && isOf(answer, revision));
      const makers = told.filter(({ call, expected }) => {
        const effect = effectOf(call, history);
        const fits = expected === undefined || expected === current(history, revisions);
        return `config.${call.op}` === op && fits && 'value' in effect && isSame(effect.value, then);
      });
      const after = [...history, then];
      const others = told.filter(({ call }) => !leavesAs(call, after));
      if (makers.length === 0) flaws.push(`${name}: version ${version} is what no acknowledged write makes`);
      if (others.length > 1 || (others[0] && !makers.includes(others[0]))) {
        flaws.push(`${name}: version ${version} is the answer to ${others.length} writes that change something`);
      }
      history.push(then);
    }
    const ofThis = (one: { name: string }) => one.name === name;
    const writes = this.done.filter(ofThis);
    const lost = writes.filter(({ answer }) => 'revision' in answer && !revisions.includes(answer.revision));
    const refusals = writes.filter((one) => 'refused' in one.answer && !isExplained(one, history, revisions));
    const misread = this.seen.filter(ofThis).filter(({ since, version, value }) => {
      return version < since || !isSame(history[version - 1], value);
    });
    return [
      ...flaws,
      ...lost.map((one) => `${name}: acknowledged and not stored: ${JSON.stringify(one)}`),
      ...refusals.map((one) => `${name}: refused for no reason: ${JSON.stringify(one)}`),
      ...misread.map((one) => `${name}: read and never so: ${JSON.stringify(one)}`),
    ];
  }
}

const isOf = (answer: Done['answer'], revision: string) => 'revision' in answer && answer.revision === revision;
/** The revision of a document that has this history. */
const current = (history: History, revisions: string[]) =>
  history.at(-1) === undefined ? undefined : revisions[history.length - 1];

function leavesAs(call: Call, history: History): boolean {
  const effect = effectOf(call, history);
  return history.at(-1) !== undefined && 'value' in effect && isSame(effect.value, history.at(-1));
}

/** Whether there was a state, since the call was made, of which a right store refuses it so. */
function isExplained({ call, expected, since, answer }: Done, history: History, revisions: string[]): boolean {
  for (let version = since; version <= history.length; version++) {
    const then = history.slice(0, version);
    const stale = expected !== undefined && expected !== current(then, revisions);
    const effect = stale ? { refused: 'stale' } : effectOf(call, then);
    if ('refused' in effect && 'refused' in answer && effect.refused === answer.refused) return true;
  }
  return false;
}
