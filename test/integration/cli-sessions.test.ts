import { spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { holdfast } from '../helpers/cli.ts';
import { cli, TestHome } from '../helpers/daemon.ts';

// One daemon for all: each test has an application of its own.

let home: TestHome;
const client = (app: string): Client => home.client({ app });
const sessions = (app: string, ...args: string[]) => holdfast(home, ['sessions', ...args, '--app', app]);
const json = (stdout: string) => JSON.parse(stdout) as Record<string, never>;
const lines = (stdout: string) => stdout.split('\n').slice(0, -1);

beforeAll(async () => {
  home = new TestHome();
  await home.start();
});
afterAll(() => home[Symbol.asyncDispose]());

describe('holdfast sessions', () => {
  it('list is a table, the newest change first, or one JSON document', async () => {
    const store = client('list');
    await store.sessions.create({ id: 'first', title: 'One' });
    await store.sessions.create({ id: 'second', status: 'paused' });
    await store.sessions.append({ id: 'first', messages: [{ role: 'user', content: 'x' }] });
    const { code, stdout, stderr } = await sessions('list', 'list');
    expect([code, stderr]).toEqual([0, '']);
    const day = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d`;
    expect(lines(stdout)).toEqual([
      'CHANGED           MESSAGES  STATUS  ID      TITLE',
      expect.stringMatching(`^${day}  1         active  first   One$`),
      expect.stringMatching(`^${day}  0         paused  second$`),
    ]);
    const paged = await sessions('list', 'list', '--limit', '1', '--json');
    expect(json(paged.stdout)).toMatchObject({ schema: 1, app: 'list', more: true, sessions: [{ id: 'first' }] });
    const paused = await sessions('list', 'list', '--status', 'paused', '--json');
    expect(json(paused.stdout)).toMatchObject({ more: false, sessions: [{ id: 'second', title: null }] });
    const none = await sessions('nobody', 'list');
    expect(none).toEqual({ code: 0, stdout: '', stderr: 'nobody has no sessions that fit.\n' });
  });

  it('take the beginning of an id, and name the ids when several begin so', async () => {
    const store = client('prefix');
    for (const id of ['abcd-1', 'abcd-2', 'xyz']) await store.sessions.create({ id });
    expect(json((await sessions('prefix', 'show', 'abcd-2', '--json')).stdout)).toMatchObject({
      schema: 1,
      session: { id: 'abcd-2', lease: null, metadata: {} },
    });
    expect((await sessions('prefix', 'show', 'xyz')).stdout).toMatch(/\(no title\)\n\n {2}id +xyz\n/);
    const several = await sessions('prefix', 'delete', 'abcd');
    expect(several).toMatchObject({ code: 1, stdout: '' });
    expect(several.stderr).toMatch(/^holdfast: .*abcd-1, abcd-2\.\n$/);
    expect((await sessions('prefix', 'show', 'abcdef')).stderr).toMatch(/^holdfast: .*'list' shows what there is\.\n$/);
    expect((await sessions('prefix', 'show', 'abc')).stderr).toMatch(/; of an id, give four characters at least\.\n$/);
  });

  it('show, tail, search and export what was written, exactly where it is data', async () => {
    const store = client('read');
    const { id } = await store.sessions.create({ title: 'A talk' });
    const content = [{ type: 'text', text: 'the walrus\nsings' }, { type: 'tool_use' }];
    await store.sessions.append({
      id,
      messages: [
        { role: 'user', content: 'hello' },
        { role: 'assistant', content },
      ],
    });
    await store.search.messages({ q: 'walrus', fresh: true });
    const begin = id.slice(0, 13);
    expect((await sessions('read', 'tail', begin, '-n', '1')).stdout).toBe(
      '#2  assistant\nthe walrus\nsings\n[tool_use]\n',
    );
    expect(await sessions('read', 'tail', begin, '-n', '0')).toEqual({ code: 0, stdout: '', stderr: '' });
    const tail = json((await sessions('read', 'tail', begin, '--json')).stdout);
    expect(tail).toMatchObject({ schema: 1, id, head: 2, messages: [{ seq: 1 }, { seq: 2, content }] });
    const found = await holdfast(home, ['sessions', 'search', 'walrus', '--json']);
    expect(json(found.stdout)).toMatchObject({ schema: 1, hits: [{ app: 'read', session: id, seq: 2 }] });
    expect((await sessions('read', 'search', 'walrus')).stdout).toMatch(`${id} #2  read  assistant`);
    expect(await sessions('read', 'search', 'zebra')).toMatchObject({ code: 0, stdout: '' });
    const exported = await sessions('read', 'export', begin, '--format', 'ndjson');
    expect(lines(exported.stdout).map((line) => JSON.parse(line) as object)).toMatchObject([
      { session: { title: 'A talk' } },
      { seq: 1 },
      { seq: 2, content },
      { end: { head: 2 } },
    ]);
    expect((await sessions('read', 'export', begin)).stdout).toMatch(/^# A talk\n/);
  });

  it('fork prints the id of the new one', async () => {
    const store = client('fork');
    await store.sessions.create({ id: 'parent' });
    await store.sessions.append({ id: 'parent', messages: [{ role: 'user' }, { role: 'user' }] });
    const { code, stdout } = await sessions('fork', 'fork', 'parent', '--up-to', '1', '--title', 'Second try');
    expect(code).toBe(0);
    const forked = await store.sessions.get({ id: stdout.trim() });
    expect(forked).toMatchObject({ title: 'Second try', messageCount: 1, forkedFrom: { id: 'parent', upTo: 1 } });
  });

  it('delete changes nothing with --dry-run, can be taken back, and erases when told so', async () => {
    const store = client('delete');
    const { revision } = await store.sessions.create({ id: 'mine', title: 'Keep me' });
    const dry = await sessions('delete', 'delete', 'mine', '--dry-run');
    expect(dry).toMatchObject({ code: 0, stdout: '' });
    expect(dry.stderr).toMatch(/^Would delete mine \("Keep me", 0 messages, changed .*\)\. Nothing was changed\.\n$/);
    expect((await store.sessions.get({ id: 'mine' })).revision).toBe(revision);

    const deleted = await sessions('delete', 'delete', 'mine');
    expect(deleted.stderr).toContain("'holdfast sessions restore mine --app delete'");
    await expect(store.sessions.get({ id: 'mine' })).rejects.toMatchObject({ code: 'not_found' });
    expect((await sessions('delete', 'list', '--deleted')).stdout).toContain('mine');
    expect(await sessions('delete', 'restore', 'mine')).toMatchObject({ code: 0, stderr: 'mine is back.\n' });

    await sessions('delete', 'delete', 'mine');
    expect((await sessions('delete', 'delete', 'mine', '--erase', '--dry-run')).stderr).toMatch(
      /^Would erase for good/,
    );
    expect((await store.sessions.list({ deleted: true })).items).toHaveLength(1);
    expect(await sessions('delete', 'delete', 'mine', '--erase')).toMatchObject({ code: 0 });
    expect((await store.sessions.list({ deleted: true })).items).toEqual([]);
  });

  it('delete is refused while somebody writes to it', async () => {
    const store = client('leased');
    await store.sessions.create({ id: 'busy' });
    await store.leases.acquire({ id: 'busy', owner: 'the other terminal' });
    const { code, stderr } = await sessions('leased', 'delete', 'busy');
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^holdfast: 'the other terminal'.* or wait\.\n$/)]);
    expect((await sessions('leased', 'delete', 'busy', '--dry-run')).stderr).toMatch(
      /, held by the other terminal\)\. /,
    );
    expect((await sessions('leased', 'show', 'busy')).stdout).toMatch(/held by +the other terminal \(pid \d+\), until/);
  });

  it('show a title that would drive a terminal as plain text, and answer it exactly as JSON', async () => {
    const title = '\u001b]0;owned\u0007\u001b[2J \u202eevil\u202c \u009b31m 👨‍👩‍👧‍👦 日本';
    const { id } = await client('hostile').sessions.create({ title });
    // oxlint-disable-next-line no-control-regex -- what a terminal obeys
    const obeyed = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/;
    expect(title).toMatch(obeyed);
    for (const args of [['list'], ['show', id], ['delete', id, '--dry-run'], ['list', '--json']]) {
      const { stdout, stderr } = await sessions('hostile', ...args);
      expect(stdout + stderr).not.toMatch(obeyed);
      expect(stdout + stderr).toContain('👨‍👩‍👧‍👦 日本');
    }
    expect(json((await sessions('hostile', 'list', '--json')).stdout)).toMatchObject({ sessions: [{ title }] });
  });
});

const exportLong = () =>
  spawn(process.execPath, [cli, 'sessions', 'export', 'long', '--app', 'pipe'], {
    env: { ...process.env, HOLDFAST_HOME: home.home },
  });
it('a reader that has read enough is no error', async () => {
  const store = client('pipe');
  await store.sessions.create({ id: 'long' });
  for (let at = 0; at < 4; at++) {
    await store.sessions.append({ id: 'long', messages: [{ role: 'user', content: 'x'.repeat(1_000_000) }] });
  }
  const whole = exportLong();
  expect((await text(whole.stdout)).length).toBeGreaterThan(4_000_000);
  const cut = exportLong();
  const ended = new Promise((resolve) => cut.once('exit', (code, signal) => resolve({ code, signal })));
  cut.stdout.once('data', () => cut.stdout.destroy());
  const stderr = await text(cut.stderr);
  expect([await ended, stderr]).toEqual([{ code: 0, signal: null }, '']);
});

it.skipIf(!existsSync('/dev/full'))('what cannot be written is an error that is told', () => {
  const full = openSync('/dev/full', 'w');
  const { status, stderr } = spawnSync(process.execPath, [cli, 'sessions', 'list', '--app', 'pipe', '--json'], {
    env: { ...process.env, HOLDFAST_HOME: home.home },
    stdio: ['ignore', full, 'pipe'],
    encoding: 'utf8',
  });
  closeSync(full);
  expect([status, stderr]).toEqual([1, 'holdfast: stdout cannot be written (ENOSPC): it is not whole.\n']);
});
