import { flushCompileCache } from 'node:module';
import { onFiles } from './files.ts';
import { readFeeds, readRecordings } from './fixtures.ts';
import { onHoldfast } from './holdfast.ts';
import { replay } from './load.ts';
import type { Report } from './storage.ts';

// One of the eight CLI processes: `cli.ts holdfast <socket> <number> <name>` or `cli.ts files <directory> ...`.
const [kind, place = '', number, name = ''] = process.argv.slice(2);

let stopped = false;
process.on('message', () => (stopped = true));
// The demo itself is gone.
process.on('disconnect', () => process.exit());

const report = (what: Report) => void process.send?.(what);
const storage = kind === 'holdfast' ? onHoldfast(place) : onFiles(place);
const material = { recordings: readRecordings(), feeds: readFeeds() };
// A process that is killed saves nothing for the next one's start.
flushCompileCache();
report({ ready: true });
await replay(storage, Number(number), name, material, report, () => stopped);
process.disconnect?.();
