import { paths } from '../../../shared/paths.ts';

/** What runs commands in a sandbox, and where it is told which sockets they may use. */
export interface Tool {
  title: string;
  /** Its settings; undefined where it has none. */
  file?: (environment: NodeJS.ProcessEnv) => string;
  /** What a person adds by hand. */
  byHand: (socket: string) => string;
  /** What a person should know besides. */
  note: string;
  /** The settings with the socket in them, unchanged if it is there already; throws why it cannot be added. */
  add?: (settings: string, socket: string) => string;
  /** The settings without the socket, otherwise as they were; throws why it cannot be taken away. */
  remove?: (settings: string, socket: string) => string;
}

/** The home of the person, whatever HOLDFAST_HOME says. */
export const userHome = (environment: NodeJS.ProcessEnv): string =>
  paths({ ...environment, HOLDFAST_HOME: undefined }).home;
