import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadFiles, loadHoldfast } from './loads.ts';
import { broken } from './result.ts';
import { Screen } from './screen.ts';
import { table } from './table.ts';

// `npm run demo`: the same load on holdfast, whose daemon is killed every second, and on JSON files under a lock.

const screen = new Screen();
const cleanup = new AsyncDisposableStack();
const directory = mkdtempSync(join(tmpdir(), 'holdfast-demo-'));
cleanup.defer(() => rmSync(directory, { recursive: true, force: true, maxRetries: 3 }));
// Daemon and CLIs start again and again: compiled once, they start in half the time.
const env = { NODE_COMPILE_CACHE: join(directory, 'compile-cache') };

let interrupted = false;
function interrupt(status: number): void {
  if (interrupted) return;
  interrupted = true;
  screen.clear();
  void cleanup.disposeAsync().finally(() => process.exit(status));
}
// Not `once`: npm passes Ctrl-C on to a process that the terminal has told already, and the second must not kill.
process.on('SIGINT', () => interrupt(130));
process.on('SIGTERM', () => interrupt(143));
process.on('SIGHUP', () => interrupt(129));
// The terminal or the pipe is gone: nobody is looking any more.
process.stdout.on('error', () => interrupt(1));

try {
  const place = { screen, cleanup, env };
  const holdfast = await loadHoldfast(place);
  const files = await loadFiles(place, join(directory, 'files'));
  screen.clear();
  console.log(table(holdfast, files).join('\n'));
  process.exitCode = broken(holdfast).length > 0 ? 1 : 0;
} catch (error) {
  // Interrupted, the ground is taken from under what still runs.
  if (!interrupted) throw error;
} finally {
  screen.clear();
  await cleanup.disposeAsync();
}
