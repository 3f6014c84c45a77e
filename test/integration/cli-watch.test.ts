import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { holdfast, watching } from '../helpers/cli.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { raiseFloor } from '../helpers/floor.ts';
import { until } from '../helpers/wait.ts';

const url = 'https://example.org/';
let home: TestHome;
let daemon: DaemonProcess;
beforeAll(async () => {
  home = new TestHome();
  daemon = await home.start();
  await home.client({ app: 'one' }).feeds.put({ name: 'news', url });
  const two = home.client({ app: 'two' });
  await two.sessions.create({ id: 'talk' });
  await two.sessions.append({ id: 'talk', messages: [{ id: 'hello', role: 'user' }] });
});
afterAll(() => home[Symbol.asyncDispose]());

describe('holdfast watch', () => {
  it('shows a line for each change, of every application', async () => {
    const { code, stdout } = await holdfast(home, ['watch', '--after', '0', '--limit', '3']);
    expect([code, stdout.replaceAll(/^\d\d:\d\d:\d\d/gm, 'TIME').split('\n')]).toEqual([
      0,
      [
        'TIME  one           put         feed news',
        'TIME  two           create      session talk',
        'TIME  two           append      message hello in talk',
        '',
      ],
    ]);
  });

  it('shows with --json one document in each line, of what it is told to', async () => {
    const { stdout } = await holdfast(home, [
      'watch',
      '--after=0',
      '--app=two',
      '--kind=message',
      '--limit=1',
      '--json',
    ]);
    expect(JSON.parse(stdout)).toMatchObject({ app: 'two', kind: 'message', id: 'hello', session: 'talk', seq: 1 });
  });

  it('says what is wrong with a position', async () => {
    const { code, stderr } = await holdfast(home, ['watch', '--after', 'nonsense']);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^holdfast: after must be the position .*\n$/)]);
  });

  it('goes on over a kill of the daemon, as tail --follow does', async () => {
    const watch = watching(home, 'watch', '--app', 'two', '--after', '0');
    const tail = watching(home, 'sessions', 'tail', 'talk', '--app', 'two', '--follow');
    await until('both have begun', () => watch.text.includes('hello') && tail.text.includes('#1'), 30_000);
    await daemon.end('SIGKILL');
    daemon = await home.start();
    await home
      .client({ app: 'two' })
      .sessions.append({ id: 'talk', messages: [{ id: 'again', content: 'after the kill' }] });
    await until('both show it', () => watch.text.includes('again') && tail.text.includes('after the kill'), 30_000);
    expect(tail.text.match(/#\d/g)).toEqual(['#1', '#2']);
    watch.end();
    tail.end();
  });

  it('a session whose last change has gone from the log can be followed all the same', async () => {
    const two = home.client({ app: 'two' });
    await two.sessions.replace({ id: 'old', messages: [{ content: 'long ago' }] });
    const { revision } = await home.client({ app: 'one' }).feeds.put({ name: 'later', url });
    await daemon.end();
    await raiseFloor(home.paths.database, Number(revision.split('.')[1]));
    daemon = await home.start();
    const { revision: before } = await two.sessions.get({ id: 'old' });
    await expect(two.changes({ after: before }).next()).rejects.toMatchObject({ code: 'compacted' });
    const tail = watching(home, 'sessions', 'tail', 'old', '--app', 'two', '--follow');
    await until('it shows what there is', () => tail.text.includes('#1'), 30_000);
    await two.sessions.append({ id: 'old', messages: [{ content: 'new again' }] });
    await until('it shows what is new', () => tail.text.includes('new again'), 30_000);
    tail.end();
  });

  it('--limit 0 is refused: it would never end', async () => {
    await using none = new TestHome();
    const { code, stderr } = await holdfast(none, ['watch', '--limit', '0']);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/^holdfast: --limit must be at least 1\./)]);
  });
});
