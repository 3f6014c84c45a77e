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
const long = /(cli-states|files-replaced|refresh-model|changes-live|protocols|failure-start|refresh-holder)\.test/;

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- it is no array's
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => Number(long.test(b.moduleId)) - Number(long.test(a.moduleId)));
  }
}

const project = (name: string, testTimeout: number) => ({
  // Files share a process, which has loaded the client once; what a test changes in its environment it puts back.
  test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout, hookTimeout: 120_000, isolate: false },
});

export default defineConfig({
  test: {
    globalSetup: 'test/helpers/prebuild.ts',
    sequence: { sequencer: LongestFirst },
    projects: [
      project('unit', 60_000),
      project('integration', 180_000),
      project('crash', 300_000),
      project('system', 600_000),
    ],
    // Tests start daemons and many client processes each, and wait for leases and restarts in between: four files at a time
    // fill two cores, more would only wait for one another.
    maxWorkers: 4,
    expect: { poll: { timeout: 50_000 } },
  },
});
