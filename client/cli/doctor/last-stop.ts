import { isAlive } from '../../start-lock.ts';
import { when } from '../text.ts';
import type { Check } from './finding.ts';

/** A daemon that stops in order takes the file with it that says who serves. */
export const lastStop: Check = ({ found, owner, said }) => {
  if (found.state !== 'stopped' || owner !== undefined || said === undefined || isAlive(said.pid)) return [];
  const since = said.startedAt === undefined ? '' : `, started ${when(said.startedAt)}`;
  return [
    {
      level: 'note',
      what: `The last daemon (pid ${said.pid}${since}) did not stop in order.`,
      why: 'It was killed, or the computer lost its power. Nothing that was acknowledged is lost.',
      fix: 'holdfast start',
    },
  ];
};
