import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { curl } from '../helpers/curl.ts';
import { EventReader } from '../helpers/events.ts';
import { ask, flawOf, type Document } from '../helpers/hostile-answers.ts';
import { hostileRequest, type HostileRequest } from '../helpers/hostile-requests.ts';
import { until } from '../helpers/wait.ts';

// Invariant: whatever is asked, the answer is one that /v1/openapi.json describes, and never a failure; and what was refused
// has changed nothing: no row of the log is of its request id.

const total = Number(process.env['HOLDFAST_REQUESTS'] ?? 4000);
const seed = Number(process.env['HOLDFAST_SEED'] ?? Math.floor(Math.random() * 1_000_000));
/** Requests that are under way together. */
const together = 10;

describe('requests from the contract, valid and nearly so', () => {
  let home: TestHome;
  let daemon: DaemonProcess;
  let document: Document;
  let changes: EventReader;
  beforeAll(async () => {
    home = new TestHome();
    daemon = await home.start();
    document = (await curl(home.paths.socket, 'GET', '/v1/openapi.json')).json as Document;
    // Otherwise the key is missing until the first secret is stored.
    await home.client().keys.init({});
    changes = await EventReader.open(home.paths.socket);
  });
  afterAll(async () => {
    changes[Symbol.dispose]();
    await home[Symbol.asyncDispose]();
  });

  it(
    `HOLDFAST_SEED=${seed}: ${total} of them: answered as described, and what is refused changes nothing`,
    async () => {
      const refused = new Set<string>();
      const changed = new Set<string>();
      const counts = new Map<number, number>();
      const take = () => {
        for (const { requestId } of changes.changes) changed.add(String(requestId));
        changes.events.length = 0;
        return changes.ended;
      };
      const one = async (request: HostileRequest) => {
        const answer = await ask(home.paths.socket, request);
        counts.set(answer.status, (counts.get(answer.status) ?? 0) + 1);
        if (answer.status >= 400) refused.add(String(answer.headers['x-request-id']));
        const flaw = flawOf(request, answer, document);
        if (flaw) throw new Error(`the answer ${flaw}: ${answer.status} ${answer.text.slice(0, 500)}`);
      };
      const property = fc.asyncProperty(
        fc.array(hostileRequest, { minLength: together, maxLength: together }),
        async (requests) => {
          await Promise.all(
            requests.map((request) =>
              one(request).catch((error: unknown) => {
                // What is erased while it is read is cut; a cut for any other reason is in the daemon's log, which is read below.
                if (request.name === 'sessions.export' && String(error) === 'Error: aborted') return;
                throw new Error(`${JSON.stringify(request).slice(0, 1000)}: ${String(error)}`);
              }),
            ),
          );
          expect(take()).toBe(false);
        },
      );
      const { failed, errorInstance } = await fc.check(property, {
        numRuns: total / together,
        seed,
        endOnFailure: true,
      });
      if (failed) throw errorInstance;

      const { id } = await home.client().sessions.create();
      await until('the last change is told', () => changes.told.includes(`session ${id}`), 60_000);
      take();
      expect([...changed].filter((request) => refused.has(request))).toEqual([]);
      // None of it passes because nothing was taken, or nothing refused.
      expect(changed.size).toBeGreaterThan(total / 40);
      expect(refused.size).toBeGreaterThan(total / 3);
      expect([...counts.keys()]).toEqual(expect.arrayContaining([200, 201, 400, 403, 404, 409, 412, 415]));
      expect((await home.client().system.health()).pid).toBe(daemon.pid);
      // A refresh that another call holds is no failure.
      expect(daemon.log.filter(({ level, status }) => Number(level) >= 50 && status !== 503)).toEqual([]);
    },
    60_000 + total * 50,
  );
});
