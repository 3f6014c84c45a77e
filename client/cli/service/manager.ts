import type { Program } from './program.ts';
import type { Work } from './work.ts';

export interface State {
  /** Whether the manager starts the daemon at login. */
  enabled: boolean;
  /** The manager's own word: active, activating, failed, inactive; loaded or absent of launchd. */
  state: string;
  running: boolean;
  pid: number | null;
  /** How its last run ended. */
  result: string | null;
  /** The file that the manager has read, where it says so. */
  loadedFrom: string | null;
}

/** What keeps the daemon running: systemd or launchd. */
export interface Manager {
  name: 'systemd' | 'launchd';
  render(program: Program, settings: Record<string, string>): string;
  /** Throws `unavailable`, with what to do instead, when there is no manager to ask. */
  state(): Promise<State>;
  /** Makes the manager run the file that was written; `changed` when it was another one before. */
  start(work: Work, state: State, changed: boolean): Promise<void>;
  /** Stops the daemon and forgets the file, before that is removed. */
  stop(work: Work, state: State): Promise<void>;
  /** After the file is gone. */
  forget(work: Work, state: State | undefined): Promise<void>;
  /** What a person should know after an install. */
  notes(): string[];
}
