import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

// Tests start many processes of the same sources, and compiling them is about half of a start. So what Node compiled is
// kept, by content, for the next process, until the run ends.
const compiled = mkdtempSync(join(tmpdir(), 'holdfast-compiled-'));
process.on('exit', () => rmSync(compiled, { recursive: true, force: true }));
process.env['NODE_COMPILE_CACHE'] ??= compiled;
// A test that kills its daemon decides when the next one starts.
process.env['HOLDFAST_NO_AUTOSTART'] = '1';

/** Files that take longest, most of it waiting: begun last, they would run alone at the end. */
const slowest = /(cli-states|files-replaced|refresh-model|changes-live|failure-start|refresh-holder)\.test/;

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- it is no array's
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => Number(slowest.test(b.moduleId)) - Number(slowest.test(a.moduleId)));
  }
}

/** Tests that need no more than npm, and much time: they are for `npm run test:long`. */
const long = 'test/**/*.long.test.ts';

const project = (name: string, testTimeout: number, files: { include: string[]; exclude?: string[] }) => ({
  test: {
    name,
    ...files,
    testTimeout,
    hookTimeout: 120_000,
    // Files share a process, which has loaded the client once; what a test changes in its environment it puts back.
    isolate: false,
    expect: { poll: { timeout: 50_000 } },
  },
});
const folder = (name: string, testTimeout: number) =>
  project(name, testTimeout, { include: [`test/${name}/**/*.test.ts`], exclude: [long] });

export default defineConfig({
  test: {
    globalSetup: 'test/helpers/prebuild.ts',
    sequence: { sequencer: LongestFirst },
    projects: [
      folder('unit', 60_000),
      folder('integration', 180_000),
      folder('crash', 300_000),
      project('long', 300_000, { include: [long] }),
      folder('system', 600_000),
    ],
    // Tests start daemons and many client processes each, and wait for leases and restarts in between: four files at a time
    // fill two cores, more would only wait for one another.
    maxWorkers: 4,
  },
});
