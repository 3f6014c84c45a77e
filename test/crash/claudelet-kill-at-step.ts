import { DatabaseSync, StatementSync } from 'node:sqlite';
import { isMainThread } from 'node:worker_threads';

// Loaded into a daemon by a test: it is killed before the nth statement that its writer runs after it has read a call
// that holds the sign. n is in HOLDFAST_TEST_STEP.

const step = Number(process.env['HOLDFAST_TEST_STEP']);
const sign = 'killed in the middle';
let steps = -1;

function count(): void {
  if (steps < 0 || ++steps < step) return;
  process.kill(process.pid, 'SIGKILL');
  // The signal may take a moment; nothing of the statement may run in it.
  for (;;);
}

type Method = (this: unknown, ...parameters: unknown[]) => unknown;

function counted(methods: Record<string, Method>, names: string[]): void {
  for (const name of names) {
    const method = methods[name];
    if (!method) throw new Error(`there is no ${name}`);
    methods[name] = function counting(...parameters) {
      count();
      return method.apply(this, parameters);
    };
  }
}

if (!isMainThread) {
  const parse = JSON.parse;
  JSON.parse = (text, reviver) => {
    if (steps < 0 && text.includes(sign)) steps = 0;
    return parse(text, reviver) as unknown;
  };
  counted(StatementSync.prototype as unknown as Record<string, Method>, ['run', 'all', 'get', 'iterate']);
  counted(DatabaseSync.prototype as unknown as Record<string, Method>, ['exec']);
}
