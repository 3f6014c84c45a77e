import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { lastErrorOf } from '../../daemon-files.ts';
import { paths } from '../../../shared/paths.ts';
import { HoldfastError } from '../../../shared/errors.ts';
import { run, serviceFile, unit } from '../../service-manager.ts';
import type { Manager, State } from './manager.ts';
import { renderUnit } from './render.ts';

const systemctl = (...args: string[]) => ['systemctl', '--user', ...args];
const properties = 'LoadState,ActiveState,UnitFileState,MainPID,Result,FragmentPath';

export function systemd(environment: NodeJS.ProcessEnv): Manager {
  const file = serviceFile(environment);
  const link = join(dirname(file), 'default.target.wants', basename(file));

  return {
    name: 'systemd',
    render: renderUnit,

    async state(): Promise<State> {
      const { code, stdout, stderr } = await run(systemctl('show', `--property=${properties}`, unit), environment);
      if (code !== 0) throw noManager(stderr);
      const found = Object.fromEntries(stdout.split('\n').map((line) => line.split(/=(.*)/).slice(0, 2)));
      const {
        ActiveState: state = 'unknown',
        UnitFileState,
        MainPID,
        Result,
        FragmentPath,
      } = found as Record<string, string>;
      return {
        enabled: UnitFileState === 'enabled',
        state,
        running: state === 'active',
        pid: Number(MainPID) || null,
        result: Result || null,
        loadedFrom: FragmentPath || null,
      };
    },

    async start(work, before, changed) {
      if (changed || before.loadedFrom === null) await work.run(systemctl('daemon-reload'));
      await this.state().then(({ loadedFrom }) => {
        if (work.dryRun || loadedFrom === file) return;
        const detail =
          `systemd does not read ${file}, but ${loadedFrom ?? 'other folders'}: XDG_CONFIG_HOME is set for it, perhaps ` +
          `('systemctl --user show-environment' tells). Unset it there, log in again, and try again.`;
        throw new HoldfastError('unavailable', detail);
      });
      if (!before.enabled) await work.run(systemctl('enable', unit));
      if (before.running && !changed) return;
      // It counts starts, and refuses more than a few in ten minutes; a person who installs starts anew.
      if (before.state !== 'inactive' || before.loadedFrom !== null)
        await work.run(systemctl('reset-failed', unit), true);
      const { code, stderr } = await work.run(systemctl(before.running ? 'restart' : 'start', unit), true);
      if (code === 0) return;
      const said = lastErrorOf(paths(environment))?.message ?? stderr.trim();
      throw new HoldfastError(
        'unavailable',
        `The service does not start: ${said} See 'systemctl --user status ${unit}'.`,
      );
    },

    async stop(work, { enabled, state }) {
      if (enabled || (state !== 'inactive' && state !== 'failed')) await work.run(systemctl('disable', '--now', unit));
    },

    async forget(work, state) {
      // Also when no manager was there to disable it.
      work.remove(link);
      work.removeEmpty(dirname(link), join(file, '..', '..', '..'));
      if (state === undefined || state.loadedFrom === null) return;
      await work.run(systemctl('daemon-reload'));
      if (state.state === 'failed') await work.run(systemctl('reset-failed', unit), true);
    },

    notes() {
      const { username } = userInfo();
      if (lingers()) return [];
      return [
        'It runs while you are logged in, and stops when your last session ends; nothing that was stored is lost by that. ' +
          `To keep it running from boot on, without a login: loginctl enable-linger ${username}`,
      ];
    },
  };
}

/** Whether the manager of this user runs from boot on, not from login to logout. */
export const lingers = (): boolean => existsSync(`/var/lib/systemd/linger/${userInfo().username}`);

function noManager(stderr: string): HoldfastError {
  const said = stderr.trim().split('\n')[0] ?? '';
  return new HoldfastError(
    'unavailable',
    `There is no systemd for your user here (systemctl --user says: ${said}). Nothing needs to be installed: a program that ` +
      "uses holdfast starts it when it needs it, and so does 'holdfast start'. In a container, run holdfastd as a process " +
      "of its own. On WSL, put 'systemd=true' under [boot] into /etc/wsl.conf. After su or sudo, log in as that user instead.",
  );
}
