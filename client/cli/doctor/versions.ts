import { protocol, version } from '../../../shared/protocol.ts';
import { isOlder } from '../../upgrade.ts';
import { skewOf } from '../serving.ts';
import type { Check } from './finding.ts';

/** A command of one version and a daemon of another. */
export const versions: Check = ({ found }) => {
  if (found.state !== 'running') return [];
  const { health } = found;
  const skew = skewOf(health);
  // One that says no version of its own is judged by its protocol.
  const theirs = health.version ?? version;
  if (theirs === version && skew === undefined) return [];
  const older = isOlder(theirs, version) || health.protocol < protocol;
  const what = `The daemon is holdfast ${theirs} (protocol ${health.protocol}), and this command is ${version} (${protocol}).`;
  const fix = older ? 'holdfast restart' : 'npm install --global holdfast';
  if (skew !== undefined) {
    return [{ level: 'problem', what, why: `They do not understand each other: ${skew}.`, fix }];
  }
  return older
    ? [{ level: 'warning', what, why: 'An upgrade was installed and does not run yet.', fix }]
    : [{ level: 'note', what, why: 'An older command is served as it is.', fix }];
};
