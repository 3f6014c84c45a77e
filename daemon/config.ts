import * as z from 'zod';
import { paths, type Paths } from '../shared/paths.ts';
import { ExitError } from './exit.ts';

const environment = z.object({
  HOLDFAST_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  HOLDFAST_LOG_FILE: z.string().min(1).optional(),
  HOLDFAST_SUPERVISOR: z.enum(['launchd', 'systemd']).optional(),
});

export interface Config {
  paths: Paths;
  logLevel: string;
  /** Where the log goes instead of stdout. */
  logFile: string | undefined;
}

/** launchd would start a daemon again for ever, whatever its exit code says. Known before anything else is. */
export const underLaunchd = (env: NodeJS.ProcessEnv = process.env) => env['HOLDFAST_SUPERVISOR'] === 'launchd';

/** Configuration from the environment; throws an ExitError that names the variable. */
export function readConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const parsed = environment.safeParse(env);
  if (!parsed.success) throw new ExitError(78, `The environment is wrong. ${z.prettifyError(parsed.error)}`);
  const { HOLDFAST_LOG_LEVEL: logLevel, HOLDFAST_LOG_FILE: logFile } = parsed.data;
  return { paths: paths(env), logLevel, logFile };
}
