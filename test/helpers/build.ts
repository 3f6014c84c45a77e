import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { bundleDaemon, bundleParsers, daemonNode, root } from './bundle.ts';
import { edgesOf, inlined, readSources } from './imports.ts';

// Builds what npm publishes: node test/helpers/build.ts [output, else dist/]
//
//   client/ shared/   JavaScript and types, file by file: what an application imports
//   daemon/           the daemon, a file for each of its threads and one that checks its database, with all packages inside
//   daemon/monitoring rules for Prometheus, a board for Grafana
//   systemd/ launchd/ templates of the service

const output = resolve(process.argv[2] ?? join(root, 'dist'));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>;
  author?: string | { name: string };
} & Record<'name' | 'version' | 'description' | 'license' | 'type', string>;

const entry = `#!/usr/bin/env node
// Runs on any Node, to say which one the daemon needs.
import module from 'node:module';
import { fileURLToPath } from 'node:url';

if (Number.parseInt(process.versions.node) < ${daemonNode}) {
  process.stderr.write(
    \`holdfastd: needs Node ${daemonNode} or newer, and this is \${process.versions.node} (\${process.execPath}). \` +
      \`Install one, then start it by: /path/to/node '\${fileURLToPath(import.meta.url)}'\\n\`,
  );
  process.exitCode = 69;
} else {
  // Compiled code is run without being checked, so its cache is private: the usual place is shared by all users.
  process.umask(0o077);
  try {
    const { paths } = await import('../shared/paths.js');
    module.enableCompileCache(\`\${paths().state}/compile-cache\`);
    // A daemon lives for weeks and may end by a kill: the cache is written soon, not at the end.
    setTimeout(() => module.flushCompileCache(), 5_000).unref();
  } catch {
    // What is wrong with the paths is for the daemon itself to say.
  }
  await import('./main.js');
}
`;

for (const part of ['client', 'shared', 'daemon', 'systemd', 'launchd', 'package.json']) {
  rmSync(join(output, part), { recursive: true, force: true });
}
emitLibrary();
await inlineParsers();
await buildDaemon();
writeManifest();
// What `holdfast service install` fills in.
for (const folder of ['systemd', 'launchd']) cpSync(join(root, folder), join(output, folder), { recursive: true });
for (const file of ['README.md', 'LICENSE', 'CHANGELOG.md', 'SECURITY.md']) {
  if (existsSync(join(root, file))) copyFileSync(join(root, file), join(output, file));
}

/** TypeScript's own output, so that types and code cannot differ. */
function emitLibrary(): void {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-build-'));
  const options = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      noEmit: false,
      declaration: true,
      rootDir: root,
      outDir: output,
      typeRoots: [join(root, 'node_modules', '@types')],
    },
    include: [join(root, 'client'), join(root, 'shared')],
    exclude: [],
  };
  try {
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(options));
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    execFileSync(process.execPath, [tsc, '--project', folder], { stdio: 'inherit' });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const cli = join(output, 'client', 'cli', 'main.js');
  const text = readFileSync(cli, 'utf8');
  if (!text.startsWith('#!')) writeFileSync(cli, `#!/usr/bin/env node\n${text}`);
  chmodSync(cli, 0o755);
}

async function inlineParsers(): Promise<void> {
  const { inputs } = await bundleParsers(output);
  writeFileSync(join(output, 'client', 'THIRD-PARTY-LICENSES'), licensesOf(Object.keys(inputs)));
}

async function buildDaemon(): Promise<void> {
  const folder = join(output, 'daemon');
  const { inputs } = await bundleDaemon(folder);
  cpSync(join(root, 'daemon', 'monitoring'), join(folder, 'monitoring'), { recursive: true });
  writeFileSync(join(folder, 'THIRD-PARTY-LICENSES'), licensesOf(Object.keys(inputs)));
  writeFileSync(join(folder, 'holdfastd.js'), entry);
  chmodSync(join(folder, 'holdfastd.js'), 0o755);
}

/** The licenses of the packages inside the bundle, which ask to go wherever their code goes. */
function licensesOf(inputs: string[]): string {
  const folders = inputs.flatMap((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0] ?? []);
  const texts = [...new Set(folders)].toSorted().map((folder) => {
    const file = readdirSync(join(root, folder)).find((name) => /^licen[cs]e/i.test(name));
    const about = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as typeof manifest;
    const own = `Copyright: ${typeof about.author === 'string' ? about.author : about.author?.name}`;
    const text = file === undefined ? own : readFileSync(join(root, folder, file), 'utf8').trim();
    return `${about.name} ${about.version} (${about.license})\n\n${text}\n`;
  });
  return texts.join(`\n${'-'.repeat(80)}\n\n`);
}

function entryPoint(file: string) {
  return { types: `./${file}.d.ts`, default: `./${file}.js` };
}

function writeManifest(): void {
  const { name, version, description, license, type } = manifest;
  const published = {
    name,
    version,
    description,
    license,
    type,
    engines: { node: '>=22' },
    bin: { holdfast: './client/cli/main.js', holdfastd: './daemon/holdfastd.js' },
    exports: {
      '.': entryPoint('client/index'),
      './contract': entryPoint('shared/contract'),
      './package.json': './package.json',
    },
    dependencies: libraryDependencies(),
  };
  writeFileSync(join(output, 'package.json'), `${JSON.stringify(published, null, 2)}\n`);
}

/** The packages that client and shared import, at the version this repository is tested with. */
function libraryDependencies(): Record<string, string> {
  const sources = readSources(root, ['client', 'shared']);
  const edges = [...sources].flatMap(([file, text]) => edgesOf(file, text));
  // These files are published with their package inside.
  const targets = edges.filter(({ from, target }) => inlined[from] !== target).map(({ target }) => target);
  const names = new Set(targets.filter((target) => !/^(client|shared)\/|^node:/.test(target)));
  return Object.fromEntries(
    [...names].map((name) => {
      const version = manifest.dependencies[name];
      if (version === undefined) throw new Error(`client or shared import ${name}, which is no dependency`);
      return [name, version];
    }),
  );
}
