import { readFileSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { user } from '../../../shared/paths.ts';
import { protocol, version } from '../../../shared/protocol.ts';
import { formsOf, withoutTokens } from '../../../shared/redact.ts';
import { readJson } from '../../daemon-files.ts';
import { UsageError } from '../command.ts';
import { jsonText, print } from '../screen.ts';
import { reportOf } from '../status.ts';
import type { Found } from './checks.ts';
import { below } from './files.ts';
import { isoTime } from './finding.ts';
import type { Patient } from './patient.ts';

const lastLines = 200;

/** What a maintainer needs, without data, names of records, secrets, or where the home lies. */
export function bundleOf(patient: Patient, findings: Found[]): string {
  const { own, found, now, node, kernel, service, environment } = patient;
  const document = {
    at: isoTime(now),
    command: { version, protocol, node, platform: process.platform, arch: process.arch, release: release(), kernel },
    findings: findings.map(withoutNames),
    status: reportOf(own, found),
    daemon: patient.said ?? null,
    starts: readJson(own.starts) ?? [],
    lastError: readJson(own.lastError) ?? null,
    lastStart: readJson(own.lastStart) ?? null,
    database: { bytes: patient.database.bytes, checked: patient.database.report !== undefined },
    service: service ? { file: service.file, text: service.text } : null,
    files: [own.data, own.config, own.state].flatMap((folder) => [...below(folder)].map(describe)),
    log: tailOf(own.log),
  };
  const homes = [own.home, environment['HOME'] ?? '', user(environment['HOME']).homedir].filter(
    (home) => home.length > 1,
  );
  return jsonText(clean(document, (text) => hide(withoutTokens(text), homes)) as object);
}

const withoutNames = ({ check, level, what, why, fix, records }: Found) => ({
  check,
  level,
  what,
  why,
  fix,
  records: records?.length ?? 0,
});

const describe = ({ path, stats }: { path: string; stats: { size: number; mode: number } }) => ({
  path,
  bytes: stats.size,
  mode: (stats.mode & 0o177777).toString(8),
});

/** The last lines, as far as they are the daemon's: it writes no data and no secret. */
function tailOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').filter(Boolean).slice(-lastLines);
  } catch {
    return [];
  }
}

/** Each text of a plain value, changed. */
function clean(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((one) => clean(one, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, clean(one, change)]));
}

/** `~` for a home, however it is quoted; not where a longer name begins alike. */
function hide(text: string, homes: string[]): string {
  const forms = homes.flatMap(formsOf).toSorted((a, b) => b.length - a.length);
  return forms.reduce((hidden, form) => {
    const literal = form.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
    return hidden.replaceAll(new RegExp(String.raw`(?<![\w.~-])${literal}(?![\w-]|\.\w)`, 'g'), '~');
  }, text);
}

/** Shows the bundle, then saves it: nobody sends what he could not read. Never over a file that is there. */
export async function saveBundle(path: string, text: string, tell: (line: string) => void): Promise<void> {
  await print(text);
  try {
    writeFileSync(path, text, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new UsageError(`${path} is there already, and is not written over. Name another file.`);
  }
  tell(`Saved to ${path}. Read it before you send it to anybody.`);
}
