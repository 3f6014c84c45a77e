import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { interviewManager, type InterviewStatus } from '../helpers/adapters/inkwell-interviews.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { until } from '../helpers/wait.ts';

// Inkwell's interview session manager on top of the client. Invariant: what somebody is at, or went on with, is neither
// abandoned nor deleted by another who looked before that.

let home: TestHome;
let daemon: DaemonProcess;
beforeAll(async () => {
  home = new TestHome();
  daemon = await home.start();
});
afterAll(() => home[Symbol.asyncDispose]());

const about = (session_id: string) => {
  const episode = { episode_url: 'https://example.org/1', episode_title: 'One', podcast_name: 'Example' };
  return { session_id, ...episode, template_name: 'reflective', max_questions: 5 };
};

describe('the status of an interview', () => {
  it('P1.2: of two processes, one completes and one pauses: it is completed, and takes no more', async () => {
    const [one, two] = [interviewManager(home.client()), interviewManager(home.client())];
    await one.createSession(about('done'));
    // Whichever is first: what is completed is not paused.
    await Promise.allSettled([one.completeSession('done'), two.pauseSession('done')]);
    expect((await one.loadSession('done')).status).toBe('completed');
    for (const change of [two.pauseSession, two.resumeSession]) {
      await expect(change('done')).rejects.toThrow('an interview that is completed cannot be');
    }
    await one.completeSession('done');
    const late = { question_id: 'late', text: 'x', responded_at: new Date().toISOString() };
    const question = { id: 'late', text: 'x', question_number: 1, depth_level: 0 };
    await expect(two.addExchange('done', { question, response: late })).rejects.toThrow('completed');
    expect((await one.loadSession('done')).exchanges).toEqual([]);
  });

  it('P2.4: a timeout abandons what is idle, unless somebody is at it', async () => {
    const own = home.client({ app: 'timeouts' });
    const manager = interviewManager(own);
    for (const id of ['held', 'idle', 'paused']) await manager.createSession(about(id));
    await manager.pauseSession('paused');
    await own.leases.acquire({ id: 'held', owner: 'an interview' });
    expect(await manager.abandonTimedOut(60)).toEqual([]);
    expect(await manager.abandonTimedOut(0)).toEqual(['idle']);
    expect((await manager.listSessions('active')).map(({ session_id }) => session_id)).toEqual(['held']);
    await manager.resumeSession('idle');
    expect(await manager.abandonTimedOut(0)).toEqual(['idle']);
  });
});

const ids = (sessions: { session_id: string }[]) => sessions.map(({ session_id }) => session_id).toSorted();
/** The same client, with something that happens between a plan and its batch. */
const interrupted = (own: Client, happens: () => unknown): Client => ({
  ...own,
  batch: {
    run: async (...call) => {
      await happens();
      return own.batch.run(...call);
    },
  },
});

describe('P2.4: cleaning up', () => {
  const maxAgeDays = 30;
  let apps = 0;

  /** Interviews of each status that were older than the limit at `now`, and one that was not. */
  async function aged() {
    const own = home.client({ app: `clean-up-${++apps}`, deadlineMs: 60_000 });
    const manager = interviewManager(own);
    const make = async (id: string, status: InterviewStatus) => {
      await manager.createSession(about(id));
      if (status === 'completed') await manager.completeSession(id);
      if (status === 'paused') await manager.pauseSession(id);
    };
    for (let n = 0; n < 5; n++) await make(`abandoned-${n}`, 'active');
    await manager.abandonTimedOut(0);
    for (const status of ['active', 'paused'] as const) await make(status, status);
    for (let n = 0; n < 5; n++) await make(`completed-${n}`, 'completed');
    const made = Date.now();
    const between = await until('the clock moves on', () => Date.now() > made && Date.now());
    await make('younger', 'completed');
    const options = { maxAgeDays, now: new Date(between + maxAgeDays * 86_400_000) };
    const old = ids(await manager.listSessions()).filter((id) => /^(?:abandoned|completed)-/.test(id));
    return { own, manager, options, old };
  }

  it('deletes those that are over and older than the limit, as a dry run says', async () => {
    const { manager, options, old } = await aged();
    expect(old).toHaveLength(10);
    expect(await manager.cleanupOldSessions()).toEqual([]);
    const planned = await manager.cleanupOldSessions({ ...options, dryRun: true });
    expect(planned.toSorted()).toEqual(old);
    expect(ids(await manager.listSessions())).toHaveLength(13);
    expect(await manager.cleanupOldSessions(options)).toEqual(planned);
    expect(ids(await manager.listSessions())).toEqual(['active', 'paused', 'younger']);
    expect(await manager.cleanupOldSessions(options)).toEqual([]);
  });

  it('spares one that somebody went on with after it was planned', async () => {
    const { own, manager, options, old } = await aged();
    const cleaner = interviewManager(interrupted(own, () => manager.resumeSession('abandoned-3')));
    const gone = await cleaner.cleanupOldSessions(options);
    expect(gone.toSorted()).toEqual(old.filter((id) => id !== 'abandoned-3'));
    expect(ids(await manager.listSessions('active'))).toEqual(['abandoned-3', 'active']);
  });

  it('the daemon is killed under it: all of them are gone or none is, and in the end all', async () => {
    const { own, manager, options, old } = await aged();
    let killed: Promise<void> | undefined;
    const kill = () => {
      killed ??= new Promise((resolve) => setImmediate(resolve)).then(async () => {
        await daemon.end('SIGKILL');
        daemon = await home.start();
      });
    };
    const cleaning = interviewManager(interrupted(own, kill)).cleanupOldSessions(options);
    await until('it is killed', () => killed !== undefined);
    await killed;
    expect([3, 13]).toContain((await manager.listSessions()).length);
    expect((await cleaning).toSorted()).toEqual(old);
    expect(ids(await manager.listSessions())).toEqual(['active', 'paused', 'younger']);
  });
});
