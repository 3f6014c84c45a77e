import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { Check, Finding } from './finding.ts';
import { existing } from './patient.ts';

/** What of the environment changes how holdfast works. */
export const environment: Check = ({ environment: set, own }) => {
  const { HOLDFAST_HOME: moved, HOLDFAST_NO_AUTOSTART: never, HOLDFAST_NODE: named, HOME } = set;
  return [
    ...(moved ? [note(`HOLDFAST_HOME is ${moved}.`, 'Programs without it talk to another daemon.')] : []),
    ...(never ? [note('HOLDFAST_NO_AUTOSTART is set.', 'No program starts the daemon.')] : []),
    ...(named ? [note(`HOLDFAST_NODE is ${named}.`, 'The daemon is started by it.')] : []),
    ...(!moved && HOME && realpathSync(existing(join('/', HOME))) !== own.home
      ? [note(`HOME is ${HOME}, and ${own.home} is used.`, 'HOME is not there, or is not yours: sudo keeps it.')]
      : []),
  ];
};

const note = (what: string, why: string): Finding => ({ level: 'note', what, why, fix: null });
