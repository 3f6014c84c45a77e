import { auth } from './auth.ts';
import type { Commands } from './command.ts';
import { completion } from './completion.ts';
import { daemon } from './daemon.ts';
import { doctor } from './doctor.ts';
import { feeds } from './feeds.ts';
import { key, keyLines } from './key.ts';
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
  watch,
  auth,
  key: { lines: keyLines, run: key },
  service,
};
