import { expect, it } from 'vitest';
import { check } from '../helpers/state-check.ts';

// The states that test/integration/cli-states.test.ts leaves out, because the processes they take are many.

it.each(['killed', 'starting', 'wedged', 'incompatible', 'keyless'] as const)(
  'every command ends as documented, of a daemon that is %s',
  async (state) => {
    expect(await check(state)).toEqual([]);
  },
);
