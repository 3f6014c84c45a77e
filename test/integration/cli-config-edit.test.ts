import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { holdfast } from '../helpers/cli.ts';
import { cli, TestHome } from '../helpers/daemon.ts';
import { onTerminal } from '../helpers/terminal.ts';

let home: TestHome;
let client: Client;
beforeAll(async () => {
  home = new TestHome();
  await home.start();
  client = home.client({ app: 'my-cli' });
  mkdirSync(join(home.home, 'tmp'));
});
afterAll(() => home[Symbol.asyncDispose]());

const valueOf = async (name: string) => (await client.config.get({ name })).value;
const tmp = () => join(home.home, 'tmp');
/** What the last edit left behind. */
const kept = () => readdirSync(tmp(), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.yaml'));
const run = (args: string[], env: NodeJS.ProcessEnv) => {
  const { VISUAL: _, ...rest } = process.env;
  return holdfast(home, ['config', ...args, '--app', 'my-cli'], '', true, { ...rest, TMPDIR: tmp(), ...env });
};
/** A script as an editor: it gets the file as $1, and `holdfast` is the command line. */
function editor(script: string): string {
  const path = join(home.home, 'editor.sh');
  writeFileSync(
    path,
    `#!/bin/sh\nset -e\nholdfast() { '${process.execPath}' '${cli}' "$@" --app my-cli; }\n${script}\n`,
  );
  chmodSync(path, 0o755);
  return path;
}
const edit = (name: string, script: string) => run(['edit', name], { EDITOR: editor(script) });

describe('holdfast config edit', () => {
  it('stores what the editor wrote, in a file of the user alone, and leaves nothing behind', async () => {
    await client.config.put({ name: 'plain', value: { a: 1, b: 2 } });
    const script = `stat -c %a "$1" "$(dirname "$1")" > ${home.home}/modes; sed -i 's/a: 1/a: yes it is # mine/' "$1"`;
    const ended = await edit('plain', script);
    expect(ended).toMatchObject({ code: 0, stdout: '' });
    expect(ended.stderr).toBe('~ /a  1 -> "yes it is"\nplain is stored, as version 2.\n');
    expect(await valueOf('plain')).toEqual({ a: 'yes it is', b: 2 });
    expect(readFileSync(join(home.home, 'modes'), 'utf8')).toBe('600\n700\n');
    expect((await edit('plain', 'true')).stderr).toBe('Nothing was changed.\n');
    expect((await edit('new one', `echo 'a: 1' > "$1"`)).code).toBe(0);
    expect(await valueOf('new one')).toEqual({ a: 1 });
    expect(readdirSync(tmp())).toEqual([]);
  });

  it('prefers $VISUAL, which may have options', async () => {
    await client.config.put({ name: 'visual', value: { a: 1 } });
    expect((await run(['edit', 'visual'], { VISUAL: `sed -i 's/1/2/'`, EDITOR: 'false' })).code).toBe(0);
    expect(await valueOf('visual')).toEqual({ a: 2 });
  });

  it('keeps what others changed meanwhile', async () => {
    await client.config.put({ name: 'meanwhile', value: { plugins: { a: true, b: true } } });
    const script = `holdfast config set meanwhile /plugins/c true; holdfast config remove meanwhile /plugins/a; sed -i 's/b: true/b: false/' "$1"`;
    expect((await edit('meanwhile', script)).code).toBe(0);
    expect(await valueOf('meanwhile')).toEqual({ plugins: { b: false, c: true } });
  });

  it('keeps the text of a conflict with both values; stored as it is, what was typed counts', async () => {
    await client.config.put({ name: 'conflict', value: { a: 1, b: 1, c: 1 } });
    const script = `holdfast config set conflict /a 3; holdfast config set conflict /c 3; sed -i 's/a: 1/a: 2 # why/; s/b: 1/b: 2/' "$1"`;
    const { code, stderr } = await edit('conflict', script);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^conflict at \/a: here 2, stored 3\n.*kept in .*'holdfast config import conflict .*'/ms);
    expect(await valueOf('conflict')).toEqual({ a: 3, b: 1, c: 3 });
    const file = join(tmp(), kept()[0] ?? '');
    expect(readFileSync(file, 'utf8')).toMatch(
      /^# holdfast config of my-cli "conflict": version 3 .*\n# conflict at \/a: here 2, stored 3\na: 2 # why\nb: 2\nc: 3\n$/,
    );
    await client.config.set({ name: 'conflict', path: '/d', value: 4 });
    expect((await run(['import', 'conflict', file], {})).code).toBe(0);
    expect(await valueOf('conflict')).toEqual({ a: 2, b: 2, c: 3, d: 4 });
  });

  it('notes a conflict at a name with line ends on one line: what stands behind one would be a setting', async () => {
    const name = 'a\nevil: yes #';
    await client.config.put({ name: 'lines', value: { [name]: 1 } });
    const script = `holdfast config set lines "$(printf '/a\\nevil: yes #')" 3; sed -i 's/": 1$/": 2/' "$1"`;
    for (const each of kept()) writeFileSync(join(tmp(), each), '');
    expect((await edit('lines', script)).stderr).toMatch(/^conflict at \/a evil: yes #: here 2, stored 3$/m);
    const file = kept().find((each) => readFileSync(join(tmp(), each), 'utf8') !== '') ?? '';
    expect((await run(['import', 'lines', join(tmp(), file)], {})).code).toBe(0);
    expect(await valueOf('lines')).toEqual({ [name]: 2 });
  });

  it.each([
    ['what is no YAML', `printf 'a: [1\\nb: typed' > "$1"`, /line \d, column \d+: /],
    [
      'what is too large',
      `{ echo 'typed: 1'; printf 'a: '; head -c 1100000 /dev/zero | tr '\\0' x; } > "$1"`,
      /must not exceed/,
    ],
    ['what an editor left that failed', `echo 'b: typed' >> "$1"; exit 3`, /^holdfast: The editor \(.*\) failed/],
  ])('keeps %s, and says so', async (_, script, message) => {
    for (const each of kept()) writeFileSync(join(tmp(), each), '');
    await client.config.put({ name: 'kept', value: { a: 1 } });
    const before = await client.config.get({ name: 'kept' });
    const { code, stderr } = await edit('kept', script);
    expect([code, stderr]).toEqual([1, expect.stringMatching(message)]);
    expect(stderr).toMatch(/Nothing was stored\. What you wrote is kept in \S+config\.yaml/);
    const texts = kept().map((each) => readFileSync(join(tmp(), each), 'utf8'));
    expect(texts.filter((text) => text.includes('typed'))).toHaveLength(1);
    expect(await client.config.get({ name: 'kept' })).toEqual(before);
  });

  it('opens it again on a terminal, until it is right or the person gives up', async () => {
    await client.config.put({ name: 'again', value: { a: 1 } });
    const counted = `echo x >> ${home.home}/rounds; [ $(wc -l < ${home.home}/rounds) -gt $rounds ]`;
    const script = `if ${counted}; then echo 'a: right' > "$1"; else echo 'a: [typed' > "$1"; fi`;
    const path = editor(script);
    const answered = async (answer: string, rounds: number) => {
      rmSync(join(home.home, 'rounds'), { force: true });
      const [command, args] = onTerminal([process.execPath, cli, 'config', 'edit', 'again', '--app', 'my-cli']);
      const env = { ...process.env, HOLDFAST_HOME: home.home, TMPDIR: tmp(), VISUAL: path, rounds: String(rounds) };
      const terminal = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'inherit'] });
      let shown = '';
      terminal.stdout.on('data', (data: Buffer) => {
        if (data.toString().includes('[Y/n]')) terminal.stdin.write(answer);
        shown += data.toString();
      });
      await once(terminal, 'close');
      return shown;
    };
    expect(await answered('\r', 2)).toMatch(/line\s+2.*\[Y\/n\].*line\s+2.*\[Y\/n\].*again is stored, as version 2/s);
    expect(await valueOf('again')).toEqual({ a: 'right' });
    for (const given of ['n\r', '\u0003', '\u0004'])
      expect(await answered(given, 9)).toMatch(/What you wrote is kept in/);
  });
});
