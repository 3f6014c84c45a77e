import { existsSync } from 'node:fs';
import { programIn } from '../../service-manager.ts';
import { isCurrent, managerOf, renew } from '../service.ts';
import type { State } from '../service/manager.ts';
import { lingers } from '../service/systemd.ts';
import type { Check, Finding } from './finding.ts';

/** The service, if one is installed: nobody needs it. */
export const service: Check = async ({ service: installed, environment, found }) => {
  if (!installed) return [];
  if (!installed.mine) {
    const what = `The service that is installed keeps its data in ${installed.data}, not where this command looks.`;
    const why = 'There is one service per user: it starts another daemon than yours.';
    return [{ level: 'note', what, why, fix: 'holdfast service status' }];
  }
  const manager = managerOf(environment);
  const state = await manager.state().catch((error: unknown) => error as Error);
  if (state instanceof Error) {
    const why = 'It cannot be asked about the service, nor start it.';
    return [{ level: 'warning', what: state.message, why, fix: 'holdfast service status' }];
  }
  const gone = programIn(installed.text).find((path) => !existsSync(path));
  const wrong = worst(gone, isCurrent(manager, environment, installed.text), state, found.state === 'running');
  const repair = { what: 'install the service anew', run: (tell: (line: string) => void) => renew(environment, tell) };
  const findings: Finding[] = wrong ? [{ ...wrong, fix: 'holdfast service install', repair }] : [];
  if (manager.name === 'systemd' && !lingers()) {
    findings.push({
      level: 'note',
      what: 'The service stops when your last session ends.',
      why: 'Nothing that is stored is lost by that; where jobs run without a login, they start it anew.',
      fix: 'loginctl enable-linger',
    });
  }
  return findings;
};

/** One of them: a new install mends them all. */
function worst(
  gone: string | undefined,
  current: boolean,
  state: State,
  answers: boolean,
): Omit<Finding, 'fix'> | undefined {
  if (gone !== undefined) {
    return {
      level: 'problem',
      what: `The service runs ${gone}, which is gone.`,
      why: 'It cannot start: a Node or holdfast was upgraded or moved.',
    };
  }
  if (state.state === 'failed') {
    return {
      level: 'problem',
      what: `The service has failed (${state.result}).`,
      why: 'It is not started again by itself.',
    };
  }
  if (!current) {
    return {
      level: 'warning',
      what: 'The file of the service is out of date.',
      why: 'This version of holdfast, or this Node, would write another one.',
    };
  }
  if (!state.enabled) {
    return {
      level: 'warning',
      what: 'The service is installed and not started at login.',
      why: 'Somebody has disabled it.',
    };
  }
  if (!state.running) {
    const beside = answers
      ? 'A daemon that a program started runs in its place, and is not started again after a crash.'
      : 'Nobody looks after the daemon.';
    return { level: 'warning', what: 'The service is installed and does not run.', why: beside };
  }
  return undefined;
}
