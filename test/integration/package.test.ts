import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { version } from '../../shared/protocol.ts';
import { root, TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { installPackage } from '../helpers/installed.ts';
import { readAgent } from '../helpers/plist.ts';
import { ServiceHome } from '../helpers/service.ts';

// The package as npm would publish and install it, in a project far from this repository: whatever it needs and does
// not bring along is missing there.

const run = promisify(execFile);
const node = process.execPath;

interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

let project: string;
let home: TestHome;
const installed = (file: string) => join(project, 'node_modules', 'holdfast', file);
const bring = (file: string) => copyFileSync(join(root, 'test', 'fixtures', 'package', file), join(project, file));

// The helper appends our Node and our entry: the first becomes $0, the second is not passed on. As a user starts it,
// with no cache of compiled code but its own.
const start = () =>
  home.start({
    wrapper: ['sh', '-c', `exec "$0" '${installed('daemon/holdfastd.js')}'`],
    env: { NODE_COMPILE_CACHE: undefined },
  });

/** Runs a program in the project; answers its exit code and what it said. */
async function say(command: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<Result> {
  const options = { cwd: project, env: { ...process.env, HOLDFAST_HOME: home.home, ...env } };
  try {
    return { code: 0, ...(await run(command, args, options)) };
  } catch (error) {
    const { code, stdout, stderr } = error as Result;
    return { code, stdout, stderr };
  }
}

beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), 'holdfast-package-'));
  home = new TestHome();
  await installPackage(project);
}, 60_000);
afterAll(async () => {
  await home[Symbol.asyncDispose]();
  rmSync(project, { recursive: true, force: true });
});

describe('the package', () => {
  it('says what it is, and depends on nothing but zod', () => {
    const manifest = JSON.parse(readFileSync(installed('package.json'), 'utf8')) as Record<string, unknown>;
    expect(manifest).toMatchObject({ name: 'holdfast', version, type: 'module', engines: { node: '>=22' } });
    expect(Object.keys(manifest['dependencies'] as object)).toEqual(['zod']);
    expect(manifest).not.toHaveProperty('private');
    for (const file of Object.values(manifest['bin'] as Record<string, string>)) {
      expect(readFileSync(installed(file), 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
      expect(statSync(installed(file)).mode & 0o111).toBe(0o111);
    }
    expect(readdirSync(installed('.'))).toContain('LICENSE');
  });

  it('brings the license of every package inside it', () => {
    const texts = readFileSync(installed('daemon/THIRD-PARTY-LICENSES'), 'utf8').split(/\n-{80}\n/);
    expect(texts.map((text) => text.trim().split(' ')[0])).toEqual(expect.arrayContaining(['fastify', 'pino', 'zod']));
    for (const text of texts) expect(text).toMatch(/copyright/i);
    expect(readFileSync(installed('client/THIRD-PARTY-LICENSES'), 'utf8')).toMatch(
      /^@rgrove\/parse-xml .*copyright.*\nyaml .*copyright/is,
    );
  });

  it('has a command line that reads XML and YAML by itself', async () => {
    const xml = (await import(installed('client/cli/feeds/xml.js'))) as { elementsOf: (text: string) => object[] };
    const yaml = (await import(installed('client/cli/config/yaml.js'))) as { valueOf: (text: string) => unknown };
    expect(xml.elementsOf('<a/>')).toMatchObject([{ name: 'a' }]);
    expect(yaml.valueOf('a: [b]')).toEqual({ a: ['b'] });
  });

  it('has a daemon that says which Node it needs', async () => {
    const old = "data:text/javascript,Object.defineProperty(process.versions, 'node', { value: '22.1.0' })";
    const { code, stderr } = await say(node, ['--import', old, installed('daemon/holdfastd.js')]);
    expect(code).toBe(69);
    expect(stderr).toContain('needs Node 26 or newer, and this is 22.1.0');
    expect(stderr).toContain(installed('daemon/holdfastd.js'));
  });

  it('has a command that says how it is when no daemon runs', async () => {
    const { code, stderr } = await say(node, [installed('client/cli/main.js'), 'health']);
    expect([code, stderr]).toEqual([69, expect.stringContaining(home.paths.socket)]);
  });

  it('brings the templates of the service, and the command fills them in with paths of its own', async () => {
    using user = new ServiceHome();
    const args = [installed('client/cli/main.js'), 'service', 'install'];
    expect(await user.node(args)).toMatchObject({ code: 0, stderr: '' });
    const unit = readFileSync(user.unit, 'utf8');
    for (const file of ['daemon/holdfastd.js', 'client/cli/service/ready.js']) expect(unit).toContain(installed(file));
    expect(await user.node(args, { platform: 'darwin' })).toMatchObject({ code: 0, stderr: '' });
    expect(readAgent(readFileSync(user.plist, 'utf8'))['ProgramArguments']).toContain(installed('daemon/holdfastd.js'));
  });

  it('type-checks a small application, and refuses a wrong one', async () => {
    bring('application.ts');
    const options = {
      compilerOptions: {
        module: 'nodenext',
        target: 'es2024',
        lib: ['es2024', 'esnext.disposable'],
        strict: true,
        exactOptionalPropertyTypes: true,
        noEmit: true,
        types: ['node'],
        typeRoots: [join(root, 'node_modules', '@types')],
      },
      files: [
        'application.ts',
        'node_modules/holdfast/client/index.d.ts',
        'node_modules/holdfast/shared/contract.d.ts',
      ],
    };
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(options));
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    expect(await say(node, [tsc, '--project', project])).toEqual({ code: 0, stdout: '', stderr: '' });
  });
});

describe('its daemon', () => {
  let daemon: DaemonProcess;
  beforeAll(async () => {
    daemon = await start();
  });

  it('comes with rules and a board for its metrics', () => {
    for (const file of ['alerts.yml', 'grafana.json']) {
      const path = join('daemon', 'monitoring', file);
      expect(readFileSync(installed(path), 'utf8')).toBe(readFileSync(join(root, path), 'utf8'));
    }
  });

  it('answers health to the command', async () => {
    const { code, stdout } = await say(node, [installed('client/cli/main.js'), 'health']);
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { status: 'ok', version }]);
  });

  it('imports an OPML file, with the XML parser that the command brings', async () => {
    const file = join(root, 'test', 'fixtures', 'feeds.opml');
    const { code, stdout } = await say(node, [
      installed('client/cli/main.js'),
      'feeds',
      'import',
      file,
      '--app',
      'demo',
    ]);
    expect([code, stdout]).toEqual([0, 'Feeds: 18 added.\n']);
  });

  it('serves an application that imports the library and the contract', async () => {
    bring('application.js');
    const { stderr, stdout } = await say(node, ['application.js']);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({
      same: true,
      code: 'not_found',
      path: '/v1/apps/{app}/feeds/{name}',
      schemaVersion: expect.any(Number),
      reader: ['hello there', 1, 1],
    });
  });

  it('is found well by the doctor, who brings a program that reads its database', async () => {
    const { code, stdout } = await say(node, [installed('client/cli/main.js'), 'doctor', '--json']);
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { database: { checked: true } }]);
  });

  it('keeps its cache of compiled code to itself', () => {
    expect(statSync(join(home.paths.state, 'compile-cache')).mode & 0o077).toBe(0);
    expect(statSync(home.paths.state).mode & 0o077).toBe(0);
  });

  it('stops when the command says so, and finds its data when it starts again', async () => {
    expect(await say(node, [installed('client/cli/main.js'), 'stop'])).toMatchObject({ code: 0 });
    expect(await daemon.exited).toEqual({ code: 0, signal: null });
    await start();
    expect((await home.client({ app: 'demo' }).feeds.get({ name: 'a' })).metadata).toEqual({ x: 1 });
  });
});
