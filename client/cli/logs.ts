import { closeSync, fstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { paths } from '../../shared/paths.ts';
import { json, UsageError, type Command } from './command.ts';
import { print, printJson, tellError } from './screen.ts';
import { safe, safeLines } from './text.ts';

const lookMs = 250;
const levels: Record<number, string> = { 10: 'trace', 20: 'debug', 30: 'info', 40: 'warn', 50: 'error', 60: 'fatal' };

export const logs: Command = {
  summary: "the last lines of the daemon's log file",
  options: {
    lines: { type: 'string', short: 'n', value: 'N', summary: 'so many lines (50)' },
    follow: { type: 'boolean', short: 'f', summary: 'go on with new lines until Ctrl-C' },
    json,
  },
  more:
    'A daemon that runs in the foreground logs to stdout. One that systemd runs logs to the journal:\n' +
    '  journalctl --user --unit holdfast.service --follow',
  run: async (call) => {
    const { log } = paths();
    if (call.json && call.flag('follow')) throw new UsageError('--json answers one document: it cannot --follow.');
    const wanted = call.count('lines', 50);
    if (!statSync(log, { throwIfNoEntry: false })) {
      tellError(
        `There is no log file at ${log}: a daemon in the foreground logs to stdout, and one that systemd runs ` +
          "to the journal ('journalctl --user --unit holdfast.service').",
      );
      return 1;
    }
    const file = openSync(log, 'r');
    const earlier = statSync(`${log}.1`, { throwIfNoEntry: false }) ? readFileSync(`${log}.1`, 'utf8') : '';
    // From a descriptor, a read begins where the one before ended.
    const all = linesOf(earlier + readFileSync(file, 'utf8'));
    const lines = wanted === 0 ? [] : all.slice(-wanted);
    if (call.json) {
      await printJson({ path: log, lines: lines.map(parsed) });
      return 0;
    }
    await print(lines.map(pretty).join(''));
    if (call.flag('follow')) await follow(log, file);
    return 0;
  },
};

/** Until the process is ended. A file is read to its end before the one that took its place is begun. */
async function follow(path: string, begun: number): Promise<void> {
  let [file, partial] = [begun, Buffer.alloc(0)];
  const chunk = Buffer.alloc(64 * 1024);
  for (;;) {
    // Looked at before the last read: what is written to the old file afterwards would be lost.
    const found = statSync(path, { throwIfNoEntry: false });
    const replaced = found !== undefined && found.ino !== fstatSync(file).ino;
    for (let length = 0; (length = readSync(file, chunk)) > 0;) {
      const bytes = Buffer.concat([partial, chunk.subarray(0, length)]);
      const end = bytes.lastIndexOf(10) + 1;
      partial = bytes.subarray(end);
      await print(linesOf(bytes.subarray(0, end).toString()).map(pretty).join(''));
    }
    if (!replaced) {
      await sleep(lookMs);
      continue;
    }
    closeSync(file);
    [file, partial] = [openSync(path, 'r'), Buffer.alloc(0)];
  }
}

const linesOf = (text: string) => text.split('\n').filter(Boolean);

/** A line of the log; one that is no JSON stays a text. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return line;
  }
}

function pretty(line: string): string {
  const entry = parsed(line);
  if (typeof entry !== 'object' || entry === null) return `${safe(line)}\n`;
  const { time, level, msg, pid, err, ...rest } = entry as Record<string, unknown>;
  const fields = Object.entries(rest).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  const stack = (err as { stack?: unknown } | undefined)?.stack;
  const text = [time, (levels[Number(level)] ?? String(level)).padEnd(5), pid, msg, ...fields].join(' ');
  return `${safe(text)}\n${typeof stack === 'string' ? `  ${safeLines(stack)}\n` : ''}`;
}
