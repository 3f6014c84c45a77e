import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { TestHome } from '../helpers/daemon.ts';
import { Scrape, underWay } from '../helpers/metrics.ts';
import { until } from '../helpers/wait.ts';

// Invariant: a request is under way until it is answered or nobody waits for it any more, whichever comes first.

const claim = JSON.stringify({ waitMs: 25_000 });
const request = [
  'POST /v1/apps/test/queues/empty/claim HTTP/1.1',
  'host: localhost',
  'content-type: application/json',
  `content-length: ${claim.length}`,
  '',
  claim,
].join('\r\n');

it('a caller that hangs up while its call is under way is counted as gone, and no stop waits for it', async () => {
  await using home = new TestHome();
  const daemon = await home.start();
  const { socket } = home.paths;
  const aborted = async () => (await Scrape.of(socket)).value('holdfast_requests_total', { code: 'aborted' });
  const callers = Array.from({ length: 3 }, () => connect(socket).on('error', () => undefined));
  for (const caller of callers) caller.write(request);
  await until('they wait', async () => (await underWay(home)) === 3);
  for (const caller of callers) caller.destroy();
  await until('they are gone', async () => (await aborted()) === 3);
  expect((await daemon.end()).code).toBe(0);
  expect(daemon.log.map(({ msg }) => msg)).not.toContain('requests did not end in time');
});
