import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSettings, replaceSettings } from '../../client/cli/sandbox/settings-file.ts';
import { holdfast } from '../helpers/cli.ts';
import { TestHome } from '../helpers/daemon.ts';

// No daemon is needed, and no settings of this machine are touched.

/** A person's home, with settings of these tools in it. */
class Person extends TestHome {
  readonly folder = join(this.home, 'person');
  readonly claude = join(this.folder, '.claude', 'settings.json');
  readonly codex = join(this.folder, '.codex', 'config.toml');

  constructor() {
    super();
    mkdirSync(this.folder);
  }

  put(path: string, text: string, mode = 0o640): void {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    chmodSync(path, mode);
  }

  async sandbox(...args: string[]) {
    const { PATH, NODE_COMPILE_CACHE } = process.env;
    return holdfast(this, ['sandbox', ...args], '', true, { PATH, NODE_COMPILE_CACHE, HOME: this.folder });
  }

  async actions(...args: string[]) {
    const { code, stdout } = await this.sandbox(...args, '--json');
    const { tools } = JSON.parse(stdout) as { tools: { tool: string; action: string; detail: string | null }[] };
    return { code, tools: Object.fromEntries(tools.map(({ tool, action }) => [tool, action])), all: tools };
  }
}

const settings = '{\n    "model": "opus"\n}\n';
const profile = 'default_permissions = "mine"\n\n[permissions.mine]\nextends = ":workspace"\n';

/** What is answered when the same was done for both tools that have settings. */
const both = (action: string) => ({
  code: 0,
  tools: { 'claude-code': action, codex: action, bubblewrap: 'by-hand' },
});

describe('holdfast sandbox', () => {
  it('installs the restricted socket for every tool that is there, once, and removes it without a trace', async () => {
    await using person = new Person();
    const { claude, codex, paths } = person;
    person.put(claude, settings);
    person.put(codex, profile, 0o600);
    expect(await person.actions('install', '--dry-run')).toMatchObject(both('added'));
    expect([readFileSync(claude, 'utf8'), readFileSync(codex, 'utf8')]).toEqual([settings, profile]);
    expect(await person.actions('install')).toMatchObject(both('added'));
    expect(JSON.parse(readFileSync(claude, 'utf8'))).toEqual({
      model: 'opus',
      sandbox: { network: { allowUnixSockets: [paths.agentSocket] } },
    });
    expect(readFileSync(codex, 'utf8')).toContain(`"${paths.agentSocket}" = "allow"`);
    expect(readFileSync(claude, 'utf8') + readFileSync(codex, 'utf8')).not.toContain(paths.socket);
    expect([statSync(claude).mode & 0o777, statSync(codex).mode & 0o777]).toEqual([0o640, 0o600]);
    expect(await person.actions('install', 'all')).toMatchObject(both('unchanged'));
    expect(await person.actions('remove')).toMatchObject(both('removed'));
    expect([readFileSync(claude, 'utf8'), readFileSync(codex, 'utf8')]).toEqual([settings, profile]);
    expect(await person.actions('remove')).toMatchObject(both('unchanged'));
    expect([readdirSync(dirname(claude)), readdirSync(dirname(codex))]).toEqual([['settings.json'], ['config.toml']]);
  });

  it('makes nothing for a tool that is not there, unless it is named', async () => {
    await using person = new Person();
    const absent = { 'claude-code': 'absent', codex: 'absent', bubblewrap: 'by-hand' };
    expect(await person.actions('install')).toMatchObject({ code: 0, tools: absent });
    expect(await person.actions('remove', 'claude-code')).toMatchObject({ tools: { 'claude-code': 'absent' } });
    expect(readdirSync(person.folder)).toEqual([]);
    expect(await person.actions('install', 'claude-code')).toMatchObject({ tools: { 'claude-code': 'added' } });
    expect(statSync(person.claude).mode & 0o777).toBe(0o600);
  });

  it('leaves what it does not understand as it is, says so by name, and does the rest', async () => {
    await using person = new Person();
    person.put(person.claude, '{"model": ');
    person.put(person.codex, profile);
    const { code, tools } = await person.actions('install');
    expect([code, tools]).toEqual([1, { 'claude-code': 'refused', codex: 'added', bubblewrap: 'by-hand' }]);
    expect(readFileSync(person.claude, 'utf8')).toBe('{"model": ');
    const { stdout } = await person.sandbox('install', 'claude-code');
    expect(stdout).toContain(person.claude);
    expect(stdout).toMatch(/not valid JSON.*'holdfast sandbox print claude-code'/);
  });

  it('follows a link to the file itself, keeps the link, and says when that is outside of the home', async () => {
    await using person = new Person();
    const real = join(person.home, 'dotfiles.json');
    person.put(real, settings);
    mkdirSync(dirname(person.claude));
    symlinkSync(real, person.claude);
    const { all } = await person.actions('install', 'claude-code');
    expect(all[0]?.detail).toContain(`It is a link to ${real}, outside of your home.`);
    expect(lstatSync(person.claude).isSymbolicLink()).toBe(true);
    expect(readFileSync(real, 'utf8')).toContain(person.paths.agentSocket);
  });

  it('prints what to add by hand: never the main socket, never all of them', async () => {
    await using person = new Person();
    const { code, stdout } = await person.sandbox('print');
    expect(code).toBe(0);
    for (const text of [person.claude, person.codex, 'allowUnixSockets', 'unix_sockets]', '--ro-bind'])
      expect(stdout).toContain(text);
    expect(stdout).not.toContain(person.paths.socket);
    expect(stdout).not.toMatch(/"allowAllUnixSockets"|dangerously/);
    expect(await person.sandbox('print', 'cursor')).toMatchObject({ code: 2, stdout: '' });
  });

  it('writes over nothing that somebody else wrote meanwhile', async () => {
    await using person = new Person();
    person.put(person.claude, settings);
    const file = readSettings(person.claude);
    writeFileSync(person.claude, '{"model": "other"}');
    expect(() => replaceSettings(file, '{}')).toThrow('changed by somebody else');
    expect(readFileSync(person.claude, 'utf8')).toBe('{"model": "other"}');
    expect(readdirSync(dirname(person.claude))).toEqual(['settings.json']);
    // Red control.
    replaceSettings(readSettings(person.claude), '{}');
    expect(readFileSync(person.claude, 'utf8')).toBe('{}');
  });
});
