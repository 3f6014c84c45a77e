import { describe, expect, it } from 'vitest';
import { bubblewrap } from '../../client/cli/sandbox/bubblewrap.ts';
import { claudeCode } from '../../client/cli/sandbox/claude-code.ts';
import { codex } from '../../client/cli/sandbox/codex.ts';
import type { Tool } from '../../client/cli/sandbox/tool.ts';

const socket = "/home/o'brien/Application Support/holdfast/agent.sock";
const edit = (tool: Tool, verb: 'add' | 'remove', text: string) => tool[verb]?.(text, socket) ?? '';

/** Adds, adds again, removes, removes again: what it was with the socket, and after. */
function roundTrip(tool: Tool, text: string): { added: string; removed: string } {
  const added = edit(tool, 'add', text);
  expect(added).not.toBe(text);
  expect(edit(tool, 'add', added)).toBe(added);
  const removed = edit(tool, 'remove', added);
  expect(edit(tool, 'remove', removed)).toBe(removed);
  return { added, removed };
}

const rich = {
  permissions: { allow: ['Bash(npm *)'], deny: [] },
  sandbox: { enabled: true, network: { allowUnixSockets: ['/run/other.sock'], allowLocalBinding: false } },
  'of a later version': { __proto__: null, nested: [1, 2.5, null, 'ü😀'] },
  '': '',
};

describe('the settings of Claude Code', () => {
  it.each([
    ['two spaces', `${JSON.stringify(rich, null, 2)}\n`],
    ['four spaces, no line end', JSON.stringify(rich, null, 4)],
    ['tabs', `${JSON.stringify(rich, null, '\t')}\n`],
    ['one line', JSON.stringify(rich)],
    ['Windows lines', `${JSON.stringify(rich, null, 2)}\n`.replaceAll('\n', '\r\n')],
    ['no sandbox', '{\n  "model": "opus"\n}\n'],
    ['a key of another kind', '{\n  "__proto__": {\n    "a": 1\n  }\n}\n'],
    ['nothing in it', '{}'],
  ])('in %s: have the socket once, and are byte for byte as they were without it', (_, text) => {
    const { added, removed } = roundTrip(claudeCode, text);
    expect(removed).toBe(text);
    const { sandbox, ...rest } = JSON.parse(added) as { sandbox: { network: { allowUnixSockets: string[] } } };
    const { sandbox: before, ...restBefore } = JSON.parse(text) as Partial<typeof rich>;
    expect(rest).toEqual(restBefore);
    expect(sandbox.network.allowUnixSockets).toEqual([...(before?.network.allowUnixSockets ?? []), socket]);
    expect(added).not.toMatch(/allowAll/);
  });

  it('in no even layout: nothing but the layout changes', () => {
    const text = `{"a" : 1 ,\n\n "sandbox":{  "enabled":false } }`;
    const { removed } = roundTrip(claudeCode, text);
    expect(JSON.parse(removed)).toEqual(JSON.parse(text));
    // What changes nothing keeps the layout too.
    expect(edit(claudeCode, 'remove', text)).toBe(text);
  });

  it('that are not there yet have the socket alone', () => {
    expect(edit(claudeCode, 'add', '')).toBe(`${claudeCode.byHand(socket)}\n`);
    expect(edit(claudeCode, 'remove', '')).toBe('');
  });

  it.each([
    ['cut off', '{"a": "secret', 'not valid JSON'],
    ['with comments', '{ // mine\n}', 'not valid JSON'],
    ['a list', '[]', 'no JSON object'],
    ['a number that a double does not hold', '{"a": 12345678901234567890}', 'come back as it is'],
    ['a name given twice', '{"a": 1, "a": 2}', 'come back as it is'],
    ['a sandbox that is none', '{"sandbox": true}', 'no object'],
    ['a list that is none', '{"sandbox": {"network": {"allowUnixSockets": "all"}}}', 'no list'],
  ])('%s are refused', (_, text, why) => {
    expect(() => edit(claudeCode, 'add', text)).toThrow(why);
    expect(() => edit(claudeCode, 'add', text)).not.toThrow(/secret/);
  });
});

const profile = `default_permissions = "mine" # chosen

[permissions.mine]
extends = ":workspace"
`;

describe('the settings of Codex', () => {
  it.each([
    ['a profile', profile],
    ['no line at the end', profile.trimEnd()],
    ['other tables after it', `${profile}\n[mcp_servers.x]\ncommand = "x"\n`],
    ['its network as a table', `${profile}\n[permissions.mine.network]\nenabled = true\n`],
    ['long texts and comments that look like tables', `x = """\n[a]\nunix_sockets\n"""\n# unix_sockets\n${profile}`],
    ['Windows lines', profile.replaceAll('\n', '\r\n')],
  ])('with %s: have a table more, and are byte for byte as they were without it', (_, text) => {
    const { added, removed } = roundTrip(codex, text);
    expect(added.startsWith(text)).toBe(true);
    expect(added.slice(text.length)).toContain(
      `\n[permissions.mine.network.unix_sockets]\n${JSON.stringify(socket)} = "allow"\n`,
    );
    expect(removed).toBe(text);
  });

  it('keep what was added after it', () => {
    const added = `${edit(codex, 'add', profile)}\n[later]\na = "$&"\n`;
    expect(edit(codex, 'remove', added)).toBe(`${profile}\n[later]\na = "$&"\n`);
  });

  it.each([
    ['no profile', '', 'default_permissions'],
    ['one that is built in', 'default_permissions = ":workspace"\n', 'default_permissions'],
    ['one that is nowhere', 'default_permissions = "mine"\n', 'no permission profile mine'],
    ['one chosen in another table', `[x]\n${profile}`, 'default_permissions'],
    ['the older settings', `sandbox_mode = "workspace-write"\n${profile}`, 'sandbox_mode'],
    ['a list of its own', `${profile}\n[permissions.mine.network.unix_sockets]\n"/x" = "allow"\n`, 'not rewritten'],
    ['its network in a line', `${profile}network = { enabled = true }\n`, 'not rewritten'],
    ['its network in dotted names', `${profile}network.enabled = true\n`, 'not rewritten'],
  ])('with %s are refused', (_, text, why) => {
    expect(() => edit(codex, 'add', text)).toThrow(why);
    expect(edit(codex, 'remove', text)).toBe(text);
  });

  it('whose table was changed are left for a person to mend', () => {
    const changed = edit(codex, 'add', profile).replace('"allow"', '"deny"');
    expect(() => edit(codex, 'remove', changed)).toThrow('changed since');
  });
});

it('the line for bubblewrap is one that a shell reads, and binds one file', () => {
  const path = String.raw`'/home/o'\''brien/Application Support/holdfast/agent.sock'`;
  expect(bubblewrap.byHand(socket)).toBe(`bwrap ... --ro-bind ${path} ${path}`);
});
