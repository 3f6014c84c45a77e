import { existsSync } from 'node:fs';
import { dryRun, json, UsageError, type Call, type Command } from './command.ts';
import { bundleOf, saveBundle } from './doctor/bundle.ts';
import { checkIds, examine, type Found } from './doctor/checks.ts';
import { examineDatabase } from './doctor/integrity.ts';
import { look, type Patient } from './doctor/patient.ts';
import { report } from './doctor/report.ts';
import { print, printJson, tell } from './screen.ts';
import { safe } from './text.ts';

export const doctor: Command = {
  args: '[file]',
  summary: 'what is wrong, why it matters, and the one command that mends it',
  options: {
    fix: { type: 'boolean', summary: 'mend what can be mended without any risk' },
    'dry-run': dryRun,
    integrity: { type: 'boolean', summary: 'check a database of more than 200 MiB as well' },
    bundle: { type: 'boolean', summary: 'show what a maintainer needs, and save it to [file]; no data, no secrets' },
    json,
  },
  more:
    'It needs no daemon, and changes nothing without --fix. Exit code 0 when nothing is to be mended, notes apart;\n' +
    '1 when there is a problem or a warning.',
  run: async (call) => {
    const bundle = call.flag('bundle') ? (call.args[0] ?? bundleName(new Date())) : undefined;
    checkUsage(call, bundle);
    const examineIt = () => examineDatabase(call.environment, call.flag('integrity'), progress);
    let patient = await look(call.environment, await examineIt());
    let findings = await examine(patient);
    const repairs = call.flag('fix') ? await mend(findings, call.dryRun) : [];
    if (repairs.some(({ done }) => done)) {
      // Not read twice, unless it could not be read before.
      patient = await look(call.environment, patient.database.report ? patient.database : await examineIt());
      findings = await examine(patient);
    }
    if (bundle !== undefined) await saveBundle(bundle, bundleOf(patient, findings), tell);
    else if (call.json)
      await printJson({ checks: checkIds, database: examined(patient), findings: findings.map(plain), repairs });
    else await print(report(findings, checkIds.length, repairs.length));
    return findings.some(({ level }) => level !== 'note') ? 1 : 0;
  },
};

function checkUsage(call: Call, bundle: string | undefined): void {
  const see = "See 'holdfast doctor --help'.";
  if (call.args.length > 0 && bundle === undefined)
    throw new UsageError(`'holdfast doctor' takes a file with --bundle only. ${see}`);
  if (call.dryRun && !call.flag('fix')) throw new UsageError(`--dry-run goes with --fix. ${see}`);
  // Before anything is looked at: it may take a while.
  if (bundle !== undefined && existsSync(bundle)) {
    throw new UsageError(`${safe(bundle)} is there already, and is not written over. Name another file.`);
  }
}

const bundleName = (at: Date) => `holdfast-doctor-${at.toISOString().replaceAll(/\D/g, '').slice(0, 14)}.json`;

const examined = ({ database: { bytes, report: found } }: Patient) => ({ bytes, checked: found !== undefined });
const plain = ({ repair, ...finding }: Found) => ({ ...finding, mendable: repair !== undefined });

interface Mended {
  check: string;
  what: string;
  done: boolean;
  /** Why it was not done. */
  error: string | null;
}

/** Does what is safe, each by itself, and tells it. */
async function mend(findings: Found[], dry: boolean): Promise<Mended[]> {
  const mended: Mended[] = [];
  for (const { check, repair } of findings) {
    if (!repair) continue;
    let error: string | null = null;
    try {
      if (!dry) await repair.run((line) => tell(safe(line)));
    } catch (cause) {
      error = (cause as Error).message;
    }
    const done = !dry && error === null;
    tell(safe(dry ? `Would ${repair.what}.` : done ? `Done: ${repair.what}.` : `Could not ${repair.what}: ${error}.`));
    mended.push({ check, what: repair.what, done, error });
  }
  if (mended.length === 0) tell('There is nothing that --fix can mend.');
  return mended;
}

let shown = -1;

/** On a terminal only, and gone when it is done. */
function progress(percent: number): void {
  if (!process.stderr.isTTY || percent === shown) return;
  if (percent < 100) process.stderr.write(`\rChecking the database: ${percent} %`);
  else if (shown !== -1) process.stderr.write('\r\u001b[K');
  shown = percent;
}
