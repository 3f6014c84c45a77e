import { existsSync, realpathSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { HoldfastError } from '../../../shared/errors.ts';
import { paths } from '../../../shared/paths.ts';
import { lastNodeOf } from '../../daemon-files.ts';
import { daemonEntry, majorOf, oldestNode } from '../../program.ts';

/** Folders of packages that are run once: npx, pnpm dlx and bunx clear them. */
const passing = /[/\\](_npx|dlx|dlx-[^/\\]*|bunx-[^/\\]*)[/\\]/;

export interface Program {
  node: string;
  /** Why this Node, for people. */
  why: string;
  entry: string;
  ready: string;
}

/** What a service is to run: by paths that are still there after an upgrade, as far as there are such. */
export function findProgram(environment: NodeJS.ProcessEnv): Program {
  const entry = stablePath(daemonEntry());
  const ready = stablePath(
    [join(import.meta.dirname, 'ready.js'), join(import.meta.dirname, 'ready.ts')].find(existsSync) ?? '',
  );
  if (passing.test(entry)) {
    const detail =
      `This copy of holdfast lies in a cache that is cleared (${entry}), so a service cannot run it. ` +
      "Install it, 'npm install --global holdfast', then run 'holdfast service install'.";
    throw new Error(detail);
  }
  return { ...findNode(environment), entry, ready };
}

function findNode(environment: NodeJS.ProcessEnv): Pick<Program, 'node' | 'why'> {
  const named = environment['HOLDFAST_NODE'];
  if (named) {
    if (majorOf(named) >= oldestNode) return { node: named, why: 'named by HOLDFAST_NODE' };
    throw tooOld(`HOLDFAST_NODE is ${named}, which is no Node ${oldestNode} or newer.`);
  }
  const running = process.versions['bun'] === undefined ? [process.execPath] : [];
  const onPath = (environment['PATH'] ?? '').split(delimiter).filter((part) => part.startsWith('/'));
  const candidates = [...running, lastNodeOf(paths()), ...onPath.map((part) => join(part, 'node'))];
  const found = candidates.find(
    (node) =>
      node !== undefined && existsSync(node) && !passing.test(realpathSync(node)) && majorOf(node) >= oldestNode,
  );
  if (found === undefined) throw tooOld(`There is no Node ${oldestNode} or newer that would stay.`);
  const node = stablePath(realpathSync(found));
  return { node, why: reason(node, realpathSync(found)) };
}

function reason(node: string, real: string): string {
  if (node !== real) return `the lasting name of ${real}, which an upgrade removes`;
  return /[/\\]v?\d+\.\d+\.\d+[^/\\]*[/\\]/.test(node)
    ? "of this version alone: run 'holdfast service install' again before you remove it"
    : 'the Node that runs this command';
}

/**
 * The name of a file that outlives an upgrade. Homebrew, pnpm and Nix keep each version in a folder of its own, and a link
 * that moves with the version. What nvm, fnm and the like call "current" may become an older Node, so it is not used.
 */
export function stablePath(real: string, resolve: (path: string) => string = realpathSync): string {
  const names = [
    real.replace(/^(.*)\/Cellar\/([^/]+)\/[^/]+\//, '$1/opt/$2/'),
    real.replace(/^(.*\/node_modules)\/\.pnpm\/[^/]+\/node_modules\//, '$1/'),
    ...['/run/current-system/sw', '/nix/var/nix/profiles/default'].map((profile) =>
      real.replace(/^\/nix\/store\/[^/]+\//, `${profile}/`),
    ),
  ];
  const lasting = names.find((name) => {
    try {
      return name !== real && resolve(name) === real;
    } catch {
      return false;
    }
  });
  return lasting ?? real;
}

const tooOld = (why: string) =>
  new HoldfastError('node_too_old', `${why} Install one, then set HOLDFAST_NODE to its path and try again.`);
