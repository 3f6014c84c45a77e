import { Random } from './model-random.ts';

/** What takes steps, each made from one number, and can compare all that is stored. */
export interface Walker {
  readonly trace: string[];
  step(seed: number): Promise<string[]>;
  all(): Promise<string[]>;
}

/** Of a run; a failing one names it. */
export const seed = Number(process.env['HOLDFAST_MODEL_SEED'] ?? Math.floor(Math.random() * 1_000_000));
/** Steps of each instance. */
export const stepCount = (usual: number) => Number(process.env['HOLDFAST_MODEL_STEPS'] ?? usual);
/** Milliseconds that so many steps may take on a slow machine. */
export const timeFor = (steps: number) => 60_000 + steps * 100;

export const stepsOf = (random: Random, count: number) => Array.from({ length: count }, () => random.seed());

/** Takes steps until something is not as the model says; answers what. */
export async function walkThrough(walker: Walker, steps: number[], taken?: () => void): Promise<string[]> {
  for (const step of steps) {
    const flaws = await walker.step(step);
    taken?.();
    if (flaws.length > 0) return flaws;
  }
  return walker.all();
}

/** Fewer steps that still fail, each try in an application of its own; as few as some thousand steps in all can find. */
export async function shortened(steps: number[], fails: (steps: number[]) => Promise<boolean>): Promise<number[]> {
  let left = steps;
  let budget = Math.max(6_000, 4 * steps.length);
  for (let size = Math.ceil(left.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < left.length && budget > 0; budget -= left.length) {
      const fewer = left.toSpliced(from, size);
      if (await fails(fewer)) left = fewer;
      else from += size;
    }
  }
  return left;
}

/**
 * Throws when a run was not as the model says, and tells what was wrong, how it came about, and the fewest calls that
 * show it again, if an instance on its own does.
 */
export async function demand(flaws: string[], walker: Walker, steps: number[], fresh?: () => Walker): Promise<void> {
  if (flaws.length === 0) return;
  const parts = [`HOLDFAST_MODEL_SEED=${seed} found:`, ...flaws, 'after:', ...walker.trace.slice(-8)];
  let shortest: string[] = [];
  const fails = async (fewer: number[]) => {
    const again = fresh?.();
    const found = again ? await walkThrough(again, fewer) : [];
    if (found.length > 0) shortest = [...(again?.trace ?? []), ...found];
    return found.length > 0;
  };
  if (fresh && (await fails(steps))) await shortened(steps, fails);
  const repeated = shortest.length > 0 ? ['the same in fewer steps:', ...shortest] : [];
  throw new Error([...parts, ...repeated].join('\n'));
}
