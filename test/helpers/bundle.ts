import { cpSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build, type BuildOptions, type Metafile, type Plugin } from 'esbuild';

export const root = join(import.meta.dirname, '..', '..');

/** The daemon's oldest Node; its entry must itself run on any, to say so. */
export const daemonNode = 26;

const options = {
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  platform: 'node',
  metafile: true,
  logLevel: 'warning',
} satisfies BuildOptions;

// Packages in CommonJS ask for Node's own modules by require, which ES modules lack.
const requireLine =
  "import { createRequire as makeRequire } from 'node:module';\nconst require = makeRequire(import.meta.url);";

/** The daemon in a folder, a file for each thread or process of it, with every package it needs inside. */
export async function bundleDaemon(folder: string, { sourcemap = false } = {}): Promise<Metafile> {
  const { metafile } = await build({
    ...options,
    entryPoints: {
      main: 'daemon/main.ts',
      integrity: 'daemon/integrity.ts',
      'writer-worker': 'daemon/store/sqlite/writer-worker.ts',
      'reader-worker': 'daemon/store/sqlite/reader-worker.ts',
    },
    outdir: folder,
    target: `node${daemonNode}`,
    sourcemap,
    banner: { js: requireLine },
  });
  // Beside the worker, as migrate.ts looks for them.
  cpSync(join(root, 'daemon', 'store', 'sqlite', 'migrations'), join(folder, 'migrations'), { recursive: true });
  return metafile;
}

/** The file of the command line that imports the XML parser, with it inside: applications that import the library need zod only. */
export async function bundleParser(file: string): Promise<Metafile> {
  const entryPoints = ['client/cli/feeds/xml.ts'];
  const { metafile } = await build({ ...options, entryPoints, outfile: file, target: 'node22', allowOverwrite: true });
  return metafile;
}

/** A module of the client finds the daemon and the templates of the service where its source lies. */
const placed: Plugin = {
  name: 'placed',
  setup(bundle) {
    bundle.onLoad({ filter: /\/(?:client|test)\/.*\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replaceAll('import.meta.dirname', () => JSON.stringify(dirname(path))),
      loader: 'ts',
    }));
  },
};

/** Programs that import the client, each by its path in a folder, with what they share in files of their own. */
export async function bundlePrograms(folder: string, programs: string[]): Promise<void> {
  await build({
    ...options,
    entryPoints: programs,
    outdir: folder,
    outbase: root,
    splitting: true,
    sourcemap: true,
    plugins: [placed],
  });
}
