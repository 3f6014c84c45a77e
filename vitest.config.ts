import { defineConfig } from 'vitest/config';

const project = (name: string, testTimeout: number) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout, hookTimeout: 30_000 },
});

export default defineConfig({
  test: {
    projects: [
      project('unit', 10_000),
      project('integration', 60_000),
      project('crash', 120_000),
      project('system', 300_000),
    ],
    // Tests start daemons and many client processes each: more files at a time would only wait for one another.
    maxWorkers: 2,
  },
});
