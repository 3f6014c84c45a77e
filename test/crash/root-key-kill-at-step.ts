import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { DatabaseSync, StatementSync } from 'node:sqlite';
import { isMainThread } from 'node:worker_threads';

// Loaded into a daemon by a test: it is killed before the nth step of a thread, counted from the first file that this
// thread writes beside the root key. Steps are calls on files, and statements. HOLDFAST_TEST_STEP is `main 3` or
// `writer 5`: a key that is made is written by the writer, one that is rotated or restored by the main thread. For the
// writer's part of a rotation, `rewrap 2` counts from the call that wraps the data keys anew.

const [thread, text] = (process.env['HOLDFAST_TEST_STEP'] ?? '').split(' ');
const step = Number(text);
let steps = -1;

function count(): void {
  if (steps < 0 || ++steps < step) return;
  process.kill(process.pid, 'SIGKILL');
  // The signal may take a moment; nothing of the step may run in it.
  for (;;);
}

type Method = (this: unknown, ...parameters: unknown[]) => unknown;

function counted(methods: Record<string, Method>, names: string[], before: Method): void {
  for (const name of names) {
    const method = methods[name];
    if (!method) throw new Error(`there is no ${name}`);
    methods[name] = function counting(...parameters) {
      before.apply(this, parameters);
      return method.apply(this, parameters);
    };
  }
}

if (thread === (isMainThread ? 'main' : 'writer')) {
  const files = ['rmSync', 'openSync', 'writeSync', 'fsyncSync', 'closeSync', 'linkSync', 'renameSync'];
  counted(fs as unknown as Record<string, Method>, ['rmSync'], (path) => {
    // The first step is the removal of a file that may be left of an earlier time.
    if (steps < 0 && /root\.key\.(next|\d)/.test(String(path))) steps = 0;
  });
  counted(fs as unknown as Record<string, Method>, files, count);
  syncBuiltinESMExports();
}
if (thread === 'rewrap' && !isMainThread) {
  const parse = JSON.parse;
  JSON.parse = (json, reviver) => {
    if (steps < 0 && json.startsWith('{"next":')) steps = 0;
    return parse(json, reviver) as unknown;
  };
}
if (!isMainThread && thread !== 'main') {
  counted(StatementSync.prototype as unknown as Record<string, Method>, ['run', 'all', 'get', 'iterate'], count);
  counted(DatabaseSync.prototype as unknown as Record<string, Method>, ['exec'], count);
}
