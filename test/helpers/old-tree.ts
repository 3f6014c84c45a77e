import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { protocol, version } from '../../shared/protocol.ts';
import { root } from './daemon.ts';
import { runProcess, type Worker } from './processes.ts';
import { Tree } from './tree.ts';

/** Of another holdfast than ours: its version and its protocol. */
export interface Numbers {
  version: string;
  protocol: number;
}

export const ours: Numbers = { version, protocol };
export const older: Numbers = { version: '0.0.9', protocol };
export const oldest: Numbers = { version: '0.0.8', protocol: protocol - 1 };
export const newer: Numbers = { version: '99.0.0', protocol };
export const newest: Numbers = { version: '99.1.0', protocol: protocol + 1 };

/** The source as it is, daemon and client, under another version and protocol. Disposing removes it. */
export class OldTree extends Tree {
  constructor(numbers: Numbers) {
    super(['package.json', 'daemon', 'shared', 'client']);
    const file = this.file('shared/protocol.ts');
    const text = readFileSync(file, 'utf8')
      .replace(/version = '.*'/, `version = '${numbers.version}'`)
      .replace(/protocol = \d+/, `protocol = ${numbers.protocol}`);
    writeFileSync(file, text);
    // What was not found would be our own version, which proves nothing.
    if (!text.includes(`'${numbers.version}'`) || !text.includes(`protocol = ${numbers.protocol};`))
      throw new Error(`${file} names its version or protocol in another way`);
  }

  /** Runs a module of the tests with the client of this tree. */
  run<Message>(module: string, args: string[], env: NodeJS.ProcessEnv): Worker<Message> {
    // Once: another copy takes the file away for a moment, and one that is starting does not find it.
    if (!existsSync(this.file(module))) cpSync(join(root, module), this.file(module), { recursive: true });
    return runProcess<Message>(this.file(module), args, env);
  }
}
