import { auth } from './auth.ts';
import type { Commands } from './command.ts';
import { completion } from './completion.ts';
import { costs } from './costs.ts';
import { config } from './config.ts';
import { daemon } from './daemon.ts';
import { doctor } from './doctor.ts';
import { feeds } from './feeds.ts';
import { key } from './key.ts';
import { limits } from './limits.ts';
import { sandbox } from './sandbox.ts';
import { queues } from './queues.ts';
import { service } from './service.ts';
import { sessions } from './sessions.ts';
import { watch } from './watch.ts';

/** Every command, a line for each group: the help screens and the completions are made from it. */
export const commands: Commands = {
  ...daemon,
  doctor,
  completion,
  sessions,
  feeds,
  config,
  queues,
  costs,
  limits,
  watch,
  auth,
  key,
  sandbox,
  service,
};
