import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ensureDaemon } from '../../client/autostart.ts';
import { AutostartHome } from '../helpers/autostart.ts';
import { refusal } from '../helpers/refusal.ts';

// Invariant: a start that fails is told once, with the reason of the daemon, and never becomes a loop.

afterEach(() => delete process.env['HOLDFAST_NODE']);

async function start(home: AutostartHome) {
  await using client = home.own();
  return await refusal(client.system.health());
}
/** Open to other users: a daemon ends at once with 78. */
const open = ({ paths }: AutostartHome) => mkdirSync(paths.data, { mode: 0o755, recursive: true });
const anyTime = () => AbortSignal.timeout(30_000);

describe('a daemon that ends at once', () => {
  it('with 78: the error is what it said, one was started, and another call works once that is mended', async () => {
    await using home = new AutostartHome();
    open(home);
    await using client = home.own();
    const error = await refusal(client.feeds.put({ name: 'x', url: 'https://example.org/' }));
    expect(error.code).toBe('unavailable');
    expect(error.message).toContain(`${home.paths.data} is open to other users. Close it: chmod 700`);
    expect(home.log().map(({ exitCode }) => exitCode)).toEqual([78]);
    chmodSync(home.paths.data, 0o700);
    await client.system.health();
    expect(home.pids()).toHaveLength(2);
  });

  it('with 69: the same', async () => {
    await using home = new AutostartHome();
    mkdirSync(home.paths.ownerLock, { mode: 0o700, recursive: true });
    chmodSync(home.paths.data, 0o700);
    const { code, message } = await start(home);
    expect(code).toBe('unavailable');
    expect(message).toContain(`${home.paths.ownerLock} cannot be locked`);
    expect(message).toContain(`look at ${home.paths.log}`);
    expect(home.log().map(({ exitCode }) => exitCode)).toEqual([69]);
  });

  it('without a word: the reason of an earlier one is not taken for its own', async () => {
    await using home = new AutostartHome();
    mkdirSync(home.paths.state, { mode: 0o700, recursive: true });
    const earlier = {
      exitCode: 78,
      message: 'Something of yesterday.',
      at: new Date(Date.now() - 1_000).toISOString(),
    };
    writeFileSync(home.paths.lastError, JSON.stringify(earlier));
    // It takes what it is asked to run for its own and ends, as one does that is killed.
    process.env['HOLDFAST_NODE'] = script(home, '[ "$1" = --version ] && echo v26.0.0 && exit; exit 3');
    const { message } = await start(home);
    expect(message).toContain('The daemon ended with exit code 3.');
    expect(message).not.toContain('yesterday');
  });
});

describe('three starts in ten minutes that did not last', () => {
  it('anthropics/claude-code#68146: are followed by a message with the last reason, until a person starts it', async () => {
    await using home = new AutostartHome();
    open(home);
    for (let attempt = 1; attempt <= 3; attempt++) {
      expect((await start(home)).message).toContain('it was started and ended');
      expect(home.pids()).toHaveLength(attempt);
    }
    const { code, message } = await start(home);
    expect(code).toBe('unavailable');
    expect(message).toContain('it was started 3 times in ten minutes and did not last');
    expect(message).toContain('is open to other users');
    expect(message).toContain("run 'holdfast start'");
    expect(home.pids()).toHaveLength(3);
    // Mended, it is still for a person to say so.
    chmodSync(home.paths.data, 0o700);
    expect((await start(home)).message).toContain('did not last');
    await ensureDaemon(anyTime());
    // It listens a moment before it says so in its log.
    await expect.poll(() => home.pids()).toHaveLength(4);
    expect(home.starts()).toHaveLength(1);
  });

  it('are forgotten after ten minutes, and after a stop in order; not after a kill (red control)', async () => {
    await using home = new AutostartHome();
    mkdirSync(home.paths.state, { mode: 0o700, recursive: true });
    const note = (...ages: number[]) =>
      writeFileSync(home.paths.starts, JSON.stringify(ages.map((age) => ({ at: Date.now() - age, pid: 0 }))));
    note(601_000, 1_000, 1_000);
    await using client = home.own();
    const { pid } = await client.system.health();
    expect(home.starts()).toHaveLength(3);
    process.kill(pid, 'SIGKILL');
    expect((await start(home)).message).toContain('did not last');
    await ensureDaemon(anyTime());
    await client.system.shutdown();
    await expect.poll(() => existsSync(home.paths.starts)).toBe(false);
  });

  it.each(['', '{', '{}', 'null', '[null, 1, "x", {}, {"at": 1}, {"at": 9e99, "pid": 1}]'])(
    'noted in a file that holds %j: it counts from one',
    async (content) => {
      await using home = new AutostartHome();
      open(home);
      mkdirSync(home.paths.state, { mode: 0o700 });
      writeFileSync(home.paths.starts, content);
      expect((await start(home)).message).toContain('is open to other users');
      expect(home.starts()).toHaveLength(1);
    },
  );
});

/** A program that may stand for a Node. */
function script({ home }: AutostartHome, text: string): string {
  const path = join(home, 'node');
  writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return path;
}

describe('the Node of the daemon', () => {
  it.each<[string, (home: AutostartHome) => string, string]>([
    ['too old', (home) => script(home, 'echo v20.0.0'), 'is Node 20'],
    ['missing', ({ home }) => join(home, 'no-node'), 'is not a Node that runs'],
    ['none', (home) => script(home, 'echo hello'), 'is not a Node that runs'],
  ])('HOLDFAST_NODE %s: its path and the fix are named, and it is no start', async (_, make, says) => {
    await using home = new AutostartHome();
    const path = make(home);
    process.env['HOLDFAST_NODE'] = path;
    const { code, message } = await start(home);
    expect(code).toBe('node_too_old');
    expect(message).toContain(`The daemon needs Node 26 or newer, and ${path} ${says}`);
    expect(message).toContain('Install Node 26, then set HOLDFAST_NODE to its path.');
    expect(home.starts()).toEqual([]);
    expect(home.pids()).toEqual([]);
  });

  it.each(['{"node":"/gone/node"}', '{"node":7}', 'null', '{'])(
    'pingdotgg/t3code#11054: last-start.json holds %s: another one is found',
    async (content) => {
      await using home = new AutostartHome();
      open(home);
      mkdirSync(home.paths.state, { mode: 0o700 });
      writeFileSync(home.paths.lastStart, content);
      // It was found: the daemon ran, and said what it has to say.
      expect((await start(home)).message).toContain('is open to other users');
    },
  );

  it('that worked last is taken before our own, and noted again', async () => {
    await using home = new AutostartHome();
    const worked = script(home, `[ "$1" = --version ] || touch '${home.home}/ran'; exec '${process.execPath}' "$@"`);
    mkdirSync(home.paths.state, { mode: 0o700, recursive: true });
    writeFileSync(home.paths.lastStart, JSON.stringify({ node: worked }));
    await home.own().system.health();
    expect(existsSync(`${home.home}/ran`)).toBe(true);
    expect(JSON.parse(readFileSync(home.paths.lastStart, 'utf8'))).toMatchObject({ node: process.execPath });
    rmSync(worked);
  });
});
