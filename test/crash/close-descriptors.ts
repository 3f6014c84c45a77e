import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { paths } from '../../shared/paths.ts';

// Loaded into a daemon by a red control. On SIGUSR2 it makes the mistake that the daemon must never make: it reads
// the files named in HOLDFAST_TEST_READ, and closing their descriptors drops the process's locks on them.

if (isMainThread) {
  process.on('SIGUSR2', () => {
    const { data } = paths();
    for (const name of (process.env['HOLDFAST_TEST_READ'] ?? '').split(',')) readFileSync(join(data, name));
    process.stdout.write('{"msg":"read"}\n');
  });
}
