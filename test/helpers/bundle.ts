import { cpSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build, type BuildOptions, type Metafile, type Plugin } from 'esbuild';
import { inlined } from './imports.ts';

export const root = join(import.meta.dirname, '..', '..');

/** The daemon's oldest Node; its entry must itself run on any, to say so. */
export const daemonNode = 26;

// Packages in CommonJS ask for Node's own modules by require, which ES modules lack.
const requireLine =
  "import { createRequire as makeRequire } from 'node:module';\nconst require = makeRequire(import.meta.url);";

const options = {
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  platform: 'node',
  metafile: true,
  logLevel: 'warning',
  banner: { js: requireLine },
} satisfies BuildOptions;

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
  });
  // Beside the worker, as migrate.ts looks for them.
  cpSync(join(root, 'daemon', 'store', 'sqlite', 'migrations'), join(folder, 'migrations'), { recursive: true });
  return metafile;
}

/** The files of the command line that import a parser, with it inside: applications that import the library need zod only. */
export async function bundleParsers(folder: string): Promise<Metafile> {
  const { metafile } = await build({
    ...options,
    entryPoints: Object.keys(inlined),
    outdir: folder,
    outbase: root,
    target: 'node22',
    // What they import of ours stays a file of its own.
    plugins: [{ name: 'ours', setup: (bundle) => bundle.onResolve({ filter: /^\.\.\/.*\.ts$/ }, external) }],
    allowOverwrite: true,
  });
  return metafile;
}
const external = ({ path }: { path: string }) => ({ path: path.replace(/\.ts$/, '.js'), external: true });

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
