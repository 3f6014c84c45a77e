import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Program } from './program.ts';

// The templates hold all that is the same for everybody; here is only how each format quotes.

const template = (...names: string[]) => readFileSync(join(import.meta.dirname, '..', '..', '..', ...names), 'utf8');

function fill(text: string, words: Record<string, string>): string {
  return text.replaceAll(/@([A-Z]+)@/g, (_, name: string) => words[name] ?? '');
}

/** Throws where a path has a character that neither format can hold. */
function checked(value: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what must not be there
  if (!/[\x00-\x1f\x7f\ufffd]/.test(value)) return value;
  const detail = `${JSON.stringify(value)} has a control character, which a service file cannot hold. Use another path.`;
  throw new Error(detail);
}

/** A quoted word of a unit: C escapes, and % doubled, which begins a specifier (systemd.unit(5)). */
const quoted = (value: string) =>
  `"${checked(value)
    .replaceAll(/["\\]/g, String.raw`\$&`)
    .replaceAll('%', '%%')}"`;
/** The same in a command line after its first word, where $ begins a variable (systemd.service(5)). */
const argument = (value: string) => quoted(value).replaceAll('$', '$$$$');

/** The first word of a command line: systemd takes no quotes or backslashes in the name of a program, so a shell runs that one. */
const program = (path: string) =>
  /["'\\]/.test(path) ? `/bin/sh -c ${argument('exec "$0" "$@"')} ${argument(path)}` : quoted(path);

export function renderUnit({ node, entry, ready }: Program, settings: Record<string, string>): string {
  const environment = Object.entries({ ...settings, HOLDFAST_SUPERVISOR: 'systemd' });
  return fill(template('systemd', 'holdfast.service'), {
    ENVIRONMENT: environment.map(([name, value]) => `Environment=${quoted(`${name}=${value}`)}`).join('\n'),
    NODE: program(node),
    ENTRY: argument(entry),
    READY: argument(ready),
  });
}

const escaped = (value: string) =>
  checked(value).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

export function renderPlist({ node, entry }: Program, settings: Record<string, string>, log: string): string {
  const environment = Object.entries({ ...settings, HOLDFAST_SUPERVISOR: 'launchd', HOLDFAST_LOG_FILE: log });
  return fill(template('launchd', 'holdfast.plist'), {
    ENVIRONMENT: environment
      .map(([name, value]) => `\t\t<key>${name}</key>\n\t\t<string>${escaped(value)}</string>`)
      .join('\n'),
    NODE: escaped(node),
    ENTRY: escaped(entry),
  });
}
