import { mkdirSync } from 'node:fs';
import { examine, type Found } from '../../client/cli/doctor/checks.ts';
import { examineDatabase } from '../../client/cli/doctor/integrity.ts';
import { look } from '../../client/cli/doctor/patient.ts';
import type { TestHome } from './daemon.ts';

/** What `holdfast doctor` finds in a home, notes apart, without a process for the command. */
export async function diagnose(
  { home }: Pick<TestHome, 'home'>,
  environment: NodeJS.ProcessEnv = {},
): Promise<Found[]> {
  const all = await diagnoseAll({ home }, environment);
  return all.filter(({ level }) => level !== 'note');
}

export async function diagnoseAll(
  { home }: Pick<TestHome, 'home'>,
  environment: NodeJS.ProcessEnv = {},
): Promise<Found[]> {
  const set = { ...process.env, HOLDFAST_HOME: home, ...environment };
  return await examine(await look(set, await examineDatabase(set, false, () => undefined)));
}

/** The directories of a home as a daemon makes them. */
export function furnish({ paths }: TestHome): void {
  for (const folder of [paths.data, paths.config, paths.state]) mkdirSync(folder, { mode: 0o700 });
}

/** Findings in a few words: `directories problem`. */
export const named = (found: Found[]): string[] => found.map(({ check, level }) => `${check} ${level}`);

/** Does what `--fix` does about each. */
export async function mend(found: Found[]): Promise<void> {
  for (const { repair } of found) await repair?.run(() => undefined);
}
