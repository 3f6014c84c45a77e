import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect, HoldfastError, type Client } from '../../client/index.ts';
import { FakeDaemon, good, refuse, type Answer } from '../helpers/fake-daemon.ts';
import { answering, problem, stored } from './write-queue-server.ts';

// What the queue makes of answers that no daemon of ours gives: every caller gets an error, well before its deadline, the
// queue goes on, and nothing is left unhandled, for which vitest itself fails a run.

const url = 'https://example.org/feed.xml';
const results =
  (...all: unknown[]): Answer =>
  (response) =>
    good(response, { results: all });
const one = stored({ op: '', key: '', input: { name: 'x' } }, 0);

const told = (call: Promise<unknown>) =>
  call.then(
    () => 'answered',
    (error: unknown) => (error instanceof HoldfastError ? error.code : `not a HoldfastError: ${String(error)}`),
  );

describe('a batch that is answered with', () => {
  let folder: string;
  let client: Client;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-test-'));
    client = connect({ app: 'test', socket: join(folder, 'x.sock') });
  });
  afterEach(() => {
    client.close();
    rmSync(folder, { recursive: true });
  });
  const put = (name: string) => client.feeds.put({ name, url });

  it.each<[string, Answer, string[]]>([
    ['no results', (response) => good(response, {}), ['unavailable']],
    ['results that are no list', (response) => good(response, { results: 'text' }), ['unavailable']],
    ['null', (response) => response.writeHead(200).end('null'), ['unavailable']],
    ['too few results', results(one), ['unavailable']],
    ['too many results', results(one, one, one, one), ['unavailable']],
    ['an empty list', results(), ['unavailable']],
    ['results that are null', results(null, null, null), ['unavailable']],
    ['results that are numbers', results(1, 2, 3), ['unavailable']],
    ['results that are neither output nor problem', results({}, {}, {}), ['unavailable']],
    [
      'problems that are none',
      results({ problem: null }, { problem: 1 }, { problem: {} }),
      ['unavailable', 'invalid_input'],
    ],
    ['no JSON', (response) => response.writeHead(200).end('<html>'), ['unavailable']],
    ['nothing', (response) => response.writeHead(200).end(), ['unavailable']],
    ['500', (response) => refuse(response, 'internal'), ['internal']],
    ['500 without a problem', (response) => response.writeHead(500).end('failed'), ['unavailable']],
    ['404', (response) => refuse(response, 'unknown_route'), ['unknown_route']],
    ['refusals', results(...[1, 2, 3].map(() => problem('exists', false))), ['exists']],
  ])(
    '%s: an error for each caller, and the queue goes on',
    async (_, nonsense, codes) => {
      await using fake = await FakeDaemon.listen(join(folder, 'x.sock'), (response, request, number) =>
        number === 2 ? nonsense(response, request, number) : answering()(response, request, number),
      );
      const [first, ...others] = ['n0', 'n1', 'n2', 'n3'].map(put);
      expect(await first).toEqual({ name: 'n0' });
      for (const call of others) expect(codes).toContain(await told(call));
      expect(await put('n4')).toEqual({ name: 'n4' });
      expect(fake.requests).toHaveLength(3);
    },
    5_000,
  );
});
