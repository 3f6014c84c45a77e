import { join } from 'node:path';
import { userHome, type Tool } from './tool.ts';

const begin = "# Added by 'holdfast sandbox install'; 'holdfast sandbox remove' takes it away.";
const end = '# End of what holdfast added.';

/** JSON's texts are TOML's too, as far as a path needs. */
const line = (socket: string) => `${JSON.stringify(socket)} = "allow"`;
const table = (profile: string) => `[permissions.${profile}.network.unix_sockets]`;
const blockOf = (profile: string, socket: string) => `\n${begin}\n${table(profile)}\n${line(socket)}\n${end}\n`;

/**
 * Codex: `network.unix_sockets` of the permission profile that the person has made and chosen. TOML is not parsed here: a table
 * of our own is added at the end, where no such table can be yet, and all else is refused.
 */
export const codex: Tool = {
  title: 'Codex',
  file: (environment) => join(environment['CODEX_HOME'] || join(userHome(environment), '.codex'), 'config.toml'),
  byHand: (socket) => `${table('NAME')}\n${line(socket)}`,
  note:
    'NAME is the profile that default_permissions chooses. Its network must be enabled, which is yours to decide. On Linux ' +
    'Codex lets no sandboxed command open a Unix socket, and some versions for the Mac do not heed the list.',
  add: (settings, socket) => {
    const { text, profile } = read(settings);
    if (text.split('\n').some((each) => each.trim() === line(socket))) return settings;
    if (/unix_sockets/.test(text)) throw new Error('it has a list of sockets already, which is not rewritten');
    if (/^\s*"?(network|permissions)"?\s*[.=]/m.test(text))
      throw new Error('its permissions are not written as tables, and are not rewritten');
    return settings + blockOf(profile, socket);
  },
  remove: (settings, socket) => {
    if (!settings.includes(begin)) return settings;
    const block = /\n# Added by 'holdfast[^\n]*\n\[permissions\.([\w-]+)\.[^\n]*\n[^\n]*\n# End[^\n]*\n/.exec(settings);
    const [found = '', profile = ''] = block ?? [];
    if (found === '' || found !== blockOf(profile, socket))
      throw new Error('what holdfast added to it was changed since, or is for another home');
    return settings.replace(found, () => '');
  },
};

/** The settings without comments and long texts, and the profile they choose; throws where there is none to add to. */
function read(settings: string): { text: string; profile: string } {
  const text = settings
    .replaceAll(/"""[\s\S]*?"""|'''[\s\S]*?'''/g, '""')
    .replaceAll(/^\s*#.*$/gm, '')
    .replaceAll('\r', '');
  const [top = ''] = text.split(/^\s*\[/m);
  if (/^\s*sandbox_mode\s*=/m.test(top)) throw new Error('it sets sandbox_mode, so that Codex heeds no permissions');
  const [, profile] = /^\s*default_permissions\s*=\s*["']([\w-]+)["']\s*(?:#.*)?$/m.exec(top) ?? [];
  if (profile === undefined) throw new Error('it chooses no permission profile of its own (default_permissions)');
  if (!new RegExp(`^\\s*\\[permissions\\.${profile}[.\\]]`, 'm').test(text))
    throw new Error(`it has no permission profile ${profile}`);
  return { text, profile };
}
