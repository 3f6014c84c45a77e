import { fork, type ChildProcess } from 'node:child_process';
import { program } from './daemon.ts';

export interface Worker<Message> {
  child: ChildProcess;
  /** What it sent by process.send, in order; resolves when it ended, rejects when it failed. */
  done: Promise<Message[]>;
}

/** Runs a module as a process of its own, which reports by `process.send`. */
export function runProcess<Message>(module: string, args: string[], env: NodeJS.ProcessEnv): Worker<Message> {
  const child = fork(program(module), args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const messages: Message[] = [];
  let stderr = '';
  child.on('message', (message) => messages.push(message as Message));
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const done = new Promise<Message[]>((resolve, reject) => {
    child.once('close', (code, signal) => {
      if (code === 0) resolve(messages);
      else reject(new Error(`${module} ended with ${code ?? signal}: ${stderr}`));
    });
  });
  return { child, done };
}
