import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HoldfastError } from '../../../shared/errors.ts';
import { paths } from '../../../shared/paths.ts';
import { label, run, serviceFile, type Ran } from '../../service-manager.ts';
import type { Manager, State } from './manager.ts';
import { renderPlist } from './render.ts';
import type { Work } from './work.ts';

/** Of the screen's login, else the one of a login over ssh, where the first is missing. */
const domains = () => ['gui', 'user'].map((kind) => `${kind}/${userInfo().uid}`);
/** How long a daemon may take to end: longer than ExitTimeOut of the plist. */
const endMs = 40_000;
/** launchctl: under way. */
const inProgress = 36;
const absent: State = { enabled: false, state: 'absent', running: false, pid: null, result: null, loadedFrom: null };

export function launchd(environment: NodeJS.ProcessEnv): Manager {
  const file = serviceFile(environment);

  /** The domain it is loaded in, and what launchd says of it. */
  async function find(): Promise<{ domain: string; said: string } | undefined> {
    for (const domain of domains()) {
      const { code, stdout } = await run(['launchctl', 'print', `${domain}/${label}`], environment);
      if (code === null) throw new HoldfastError('unavailable', 'There is no launchctl here, which every Mac has.');
      if (code === 0) return { domain, said: stdout };
    }
    return undefined;
  }

  /** launchctl may answer before the daemon has ended; until then launchd takes no other of its name. */
  async function bootOut(work: Work, domain: string): Promise<void> {
    const { code, stderr } = await work.run(['launchctl', 'bootout', `${domain}/${label}`], true);
    if (work.dryRun) return;
    for (const deadline = performance.now() + endMs; await find(); await sleep(50)) {
      if (performance.now() < deadline && (code === 0 || code === inProgress)) continue;
      throw new HoldfastError(
        'unavailable',
        `launchd does not let go of ${label}: ${stderr.trim() || 'it still runs'}`,
      );
    }
  }

  return {
    name: 'launchd',
    render: (program, settings) => renderPlist(program, settings, paths(environment).log),

    async state(): Promise<State> {
      const found = await find();
      if (!found) return absent;
      const one = (name: string) => new RegExp(`^\\s*${name} = (.*)$`, 'm').exec(found.said)?.[1] ?? null;
      const pid = Number(one('pid')) || null;
      return {
        enabled: true,
        state: one('state') ?? 'loaded',
        running: pid !== null,
        pid,
        result: one('last exit code'),
        loadedFrom: one('path'),
      };
    },

    async start(work, before, changed) {
      const found = await find();
      if (found && (changed || before.loadedFrom !== file)) {
        // launchd reads a file once.
        await bootOut(work, found.domain);
      } else if (found) {
        if (!before.running) await work.run(['launchctl', 'kickstart', `${found.domain}/${label}`]);
        return;
      }
      let last: Ran | undefined;
      for (const domain of domains()) {
        // Whoever removed it from Login Items, or by `launchctl disable`, asks for it again now.
        await work.run(['launchctl', 'enable', `${domain}/${label}`], true);
        last = await work.run(['launchctl', 'bootstrap', domain, file], true);
        if (last.code === 0) return;
      }
      throw new HoldfastError('unavailable', `launchd does not take ${file}: ${last?.stderr.trim()}`);
    },

    async stop(work) {
      const found = await find();
      if (found) await bootOut(work, found.domain);
    },

    forget: (work) => {
      work.removeEmpty(dirname(file), dirname(dirname(file)));
      return Promise.resolve();
    },

    notes: () => [
      "System Settings shows it under General, Login Items, as an item of 'node'. Switched off there, it does not start.",
    ],
  };
}
