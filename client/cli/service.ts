import { existsSync } from 'node:fs';
import { paths } from '../../shared/paths.ts';
import { installedService, serviceFile, settingsOf } from '../service-manager.ts';
import { dryRun, json, type Call, type Command, type Group } from './command.ts';
import { probe } from './probe.ts';
import { print, printJson, record } from './screen.ts';
import { launchd } from './service/launchd.ts';
import type { Manager } from './service/manager.ts';
import { findProgram } from './service/program.ts';
import { systemd } from './service/systemd.ts';
import { Work } from './service/work.ts';
import { notServing } from './serving.ts';
import { stopDaemon } from './stop.ts';

interface Task {
  environment: NodeJS.ProcessEnv;
  manager: Manager;
  file: string;
  work: Work;
}

/** What a command answers: a document for --json, text for people after what was told on the way, and the exit code. */
interface Answer {
  document: object;
  text: string;
  code: number;
}

const answerMs = 2_000;

export const managerOf = (environment: NodeJS.ProcessEnv): Manager =>
  (process.platform === 'darwin' ? launchd : systemd)(environment);

const command = (summary: string, run: (task: Task) => Promise<Answer>, rest: Partial<Command>): Command => ({
  summary,
  ...rest,
  run: async (call: Call) => {
    const { environment } = call;
    const work = new Work(environment, call.dryRun, (line) => void (call.json || process.stdout.write(`${line}\n`)));
    const manager = managerOf(environment);
    const { document, text, code } = await run({ environment, manager, file: serviceFile(environment), work });
    await (call.json ? printJson({ manager: manager.name, ...document }) : print(text));
    return code;
  },
});

/** Installs the service anew, telling each step: what `doctor --fix` does about one that is out of date. */
export async function renew(environment: NodeJS.ProcessEnv, tell: (line: string) => void): Promise<void> {
  const work = new Work(environment, false, tell);
  await install({ environment, manager: managerOf(environment), file: serviceFile(environment), work });
}

const done = ({ dryRun: dry, files, commands }: Work) => ({ dryRun: dry, files, commands });

async function install({ environment, manager, file, work }: Task): Promise<Answer> {
  refuseOther(environment);
  const program = findProgram(environment);
  const rendered = manager.render(program, settingsOf(environment));
  const before = await manager.state();
  const changed = work.write(file, rendered);
  if (!before.running) await stopOther(work);
  await manager.start(work, before, changed);
  const notes = manager.notes();
  const outcome = work.changed
    ? `The service ${work.dryRun ? 'would be' : 'is'} installed.`
    : 'It is installed already.';
  const about = { node: program.node, nodeReason: program.why, entry: program.entry };
  const rows = record([
    ['node', `${about.node} (${about.nodeReason})`],
    ['daemon', about.entry],
  ]);
  const text = [`${outcome}\n`, rows, ...notes.map((note) => `\n${note}\n`)].join('');
  return { document: { ...about, notes, ...done(work) }, text: gap(work) + text, code: 0 };
}

/** What was told on the way is set apart. */
const gap = ({ files, commands }: Work) => (files.length + commands.length > 0 ? '\n' : '');

async function uninstall({ environment, manager, file, work }: Task): Promise<Answer> {
  refuseOther(environment);
  // Without a manager there is nothing to stop, and the files can go all the same.
  const state = await manager.state().catch((): undefined => undefined);
  if (state) await manager.stop(work, state);
  work.remove(file);
  await manager.forget(work, state);
  const { data, config, state: stateFolder } = paths(environment);
  const left = [data, config, stateFolder, `${file}.d`].filter((path) => existsSync(path));
  const outcome = work.changed ? `The service ${work.dryRun ? 'would be' : 'is'} removed.` : 'No service is installed.';
  const kept =
    left.length > 0 ? ['Left as they are, with all that is stored:', ...left.map((path) => `  ${path}`)] : [];
  return { document: { left, ...done(work) }, text: `${gap(work)}${[outcome, ...kept].join('\n')}\n`, code: 0 };
}

async function status({ environment, manager, file }: Task): Promise<Answer> {
  const installed = installedService(environment);
  const state = await manager.state();
  const current = installed !== undefined && installed.mine && isCurrent(manager, environment, installed.text);
  const about = { installed: installed !== undefined, mine: installed?.mine ?? false, current, file, ...state };
  const code = installed?.mine && state.running ? 0 : 1;
  if (!installed)
    return { document: about, text: "No service is installed: 'holdfast service install' does it.\n", code };
  const rows = record([
    ['file', file],
    ['data', installed.data],
    ['state', `${state.state}${state.pid === null ? '' : `, pid ${state.pid}`}`],
    ['at login', state.enabled ? 'started' : 'not started'],
    ['last result', state.result],
  ]);
  const other = 'It serves another directory than HOLDFAST_HOME and HOME name here.\n';
  const stale = "It differs from what 'holdfast service install' would write now: run that.\n";
  return { document: about, text: rows + (installed.mine ? (current ? '' : stale) : other), code };
}

/** One service per user: another home's is not taken over without a word. */
function refuseOther(environment: NodeJS.ProcessEnv): void {
  const installed = installedService(environment);
  if (!installed || installed.mine) return;
  const detail =
    `The service that is installed (${installed.file}) keeps its data in ${installed.data}, and yours is in ` +
    `${paths(environment).data}. There is one service per user: call this with its HOLDFAST_HOME to remove it first.`;
  throw new Error(detail);
}

/** Whether an installed file is what an install would write now. */
export function isCurrent(manager: Manager, environment: NodeJS.ProcessEnv, text: string): boolean {
  try {
    return manager.render(findProgram(environment), settingsOf(environment)) === text;
  } catch {
    return false;
  }
}

/** A daemon that a client started owns the data, and the service's would end at once: it is asked to stop, and finishes first. */
async function stopOther(work: Work): Promise<void> {
  if (!work.dryRun) return void (await stopDaemon());
  const found = await probe(paths(), answerMs);
  if (found.state === 'running') await work.run(['holdfast', 'stop']);
  else if (found.state !== 'stopped') throw notServing(paths(), found);
}

export const service: Group = {
  summary: 'the service that keeps the daemon running: systemd, or launchd on a Mac',
  commands: {
    install: command('starts the daemon at login and after a crash', install, {
      options: { json, 'dry-run': dryRun },
      more: 'Tells each file it writes and each command it runs. Again, it renews what has changed, after an upgrade.',
    }),
    uninstall: command('stops it and removes the service; what is stored stays', uninstall, {
      options: { json, 'dry-run': dryRun },
    }),
    status: command('whether it is installed, current and running; exit code 1 if not', status, { options: { json } }),
  },
};
