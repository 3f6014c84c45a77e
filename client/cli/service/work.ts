import { existsSync, lstatSync, mkdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { run, type Ran } from '../../service-manager.ts';

/** Changes to the machine, told one by one as they are made, or as they would be made. */
export class Work {
  readonly files: { path: string; action: 'written' | 'unchanged' | 'removed' }[] = [];
  readonly commands: { command: string; exitCode: number | null }[] = [];
  readonly dryRun: boolean;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #tell: (line: string) => void;

  constructor(environment: NodeJS.ProcessEnv, dryRun: boolean, tell: (line: string) => void) {
    this.#environment = environment;
    this.dryRun = dryRun;
    this.#tell = tell;
  }

  get changed(): boolean {
    return this.commands.length > 0 || this.files.some(({ action }) => action !== 'unchanged');
  }

  /** Answers whether the file was another one before. A reader sees the old file or the new one, never a part. */
  write(path: string, text: string): boolean {
    if (existsSync(path) && readFileSync(path, 'utf8') === text) {
      this.files.push({ path, action: 'unchanged' });
      this.#tell(`unchanged    ${path}`);
      return false;
    }
    this.#note(path, 'written', this.dryRun ? 'would write ' : 'wrote       ');
    if (this.dryRun) return true;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(`${path}.${process.pid}`, text, { mode: 0o644 });
    renameSync(`${path}.${process.pid}`, path);
    return true;
  }

  remove(path: string): void {
    // Also a link to a file that is gone.
    if (!lstatSync(path, { throwIfNoEntry: false })) return;
    this.#note(path, 'removed', this.dryRun ? 'would remove' : 'removed     ');
    if (!this.dryRun) rmSync(path);
  }

  /** Removes a directory, and those above it up to `below`, while they are empty. */
  removeEmpty(directory: string, below: string): void {
    if (this.dryRun) return;
    for (let path = directory; path.startsWith(`${below}/`); path = dirname(path)) {
      try {
        rmdirSync(path);
      } catch (error) {
        // Somebody else's files are in it.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return;
      }
    }
  }

  /** Runs a command; throws what it said when it fails, unless it may. */
  async run(command: string[], mayFail = false): Promise<Ran> {
    const text = command.join(' ');
    this.#tell(`${this.dryRun ? 'would run   ' : 'running     '} ${text}`);
    if (this.dryRun) {
      this.commands.push({ command: text, exitCode: null });
      return { code: 0, stdout: '', stderr: '' };
    }
    const ran = await run(command, this.#environment);
    this.commands.push({ command: text, exitCode: ran.code });
    if (ran.code === 0 || mayFail) return ran;
    throw new Error(`'${text}' failed: ${ran.stderr.trim() || `exit code ${ran.code}`}`);
  }

  #note(path: string, action: 'written' | 'removed', told: string): void {
    this.files.push({ path, action });
    this.#tell(`${told} ${path}`);
  }
}
