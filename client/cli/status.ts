import { join } from 'node:path';
import { paths, type Paths } from '../../shared/paths.ts';
import { adviceFor } from '../../shared/reasons.ts';
import { pidOf } from '../call.ts';
import { lastFailureOf } from '../daemon-files.ts';
import { json, type Command } from './command.ts';
import { probe, type Found } from './probe.ts';
import { paint, print, printJson, record, wrap } from './screen.ts';
import { adviceOf, skewOf, words } from './serving.ts';
import { statsOf } from './stats.ts';
import { duration, safe, size, when } from './text.ts';

const answerMs = 2_000;

export const status: Command = {
  summary: 'whether the daemon runs, how it is, and what to do about it',
  options: { json },
  more: 'Exit code 0 when all is well, 1 when something is wrong, 69 when it does not run or does not answer.',
  run: async (call) => {
    const own = paths();
    const found = await probe(own, answerMs);
    const report = reportOf(own, found);
    await (call.json ? printJson(report) : print(screen(own, report)));
    if (found.state !== 'running') return 69;
    return report.state === 'running' && found.health.status === 'ok' ? 0 : 1;
  },
};

type Report = ReturnType<typeof reportOf>;

export function reportOf(own: Paths, found: Found) {
  const health = found.state === 'running' ? found.health : undefined;
  const skew = health && skewOf(health);
  return {
    state: skew === undefined ? found.state : ('incompatible' as const),
    advice: skew ?? adviceOf(found),
    pid: health?.pid ?? (found.state === 'silent' ? (pidOf(own.socket) ?? null) : null),
    version: health?.version ?? null,
    protocol: health?.protocol ?? null,
    uptimeMs: health?.uptimeMs ?? null,
    health: health?.status ?? null,
    reasons: (health?.reasons ?? []).map((code) => ({ code, advice: adviceFor(code) })),
    waitingWrites: health?.queueDepth ?? null,
    lastCommitAt: health?.lastCommitAt ?? null,
    socket: own.socket,
    agentSocket: own.agentSocket,
    home: own.home,
    data: own.data,
    log: own.log,
    sizes: {
      databaseBytes: sizeOf(own.database),
      walBytes: sizeOf(`${own.database}-wal`),
      searchBytes: sizeOf(join(own.data, 'search.db')),
      logBytes: sizeOf(own.log) + sizeOf(`${own.log}.1`),
      freeBytes: health?.freeBytes ?? null,
    },
    lastError: health ? null : (lastFailureOf(own) ?? null),
  };
}

function screen(own: Paths, { sizes, ...report }: Report): string {
  const { health, lastError, state } = report;
  const good = state === 'running' && health === 'ok';
  const headline =
    words[state] ?? (good ? 'is running' : `is running, but ${state === 'incompatible' ? state : health}`);
  const rows = record([
    ['pid', report.pid],
    ['version', report.version && `${report.version} (protocol ${report.protocol})`],
    ['uptime', report.uptimeMs === null ? null : duration(report.uptimeMs)],
    ['health', health],
    ['waiting', report.waitingWrites === null ? null : `${report.waitingWrites} writes`],
    ['last write', report.lastCommitAt && when(report.lastCommitAt)],
    ['socket', own.socket],
    ['for agents', own.agentSocket],
    ['home', own.home],
    ['data', own.data],
    [
      'database',
      `${size(sizes.databaseBytes)}, write-ahead log ${size(sizes.walBytes)}, search ${size(sizes.searchBytes)}`,
    ],
    ['free', sizes.freeBytes === null ? null : size(sizes.freeBytes)],
    ['log', `${own.log} (${size(sizes.logBytes)})`],
    ['last error', lastError && `${when(lastError.at)}: ${lastError.message}`],
  ]);
  const todo = [
    ...(report.advice === null ? [] : [report.advice]),
    ...report.reasons.map(({ code, advice: what }) => `${code}: ${what}`),
  ];
  const list =
    todo.length === 0 ? '' : `\nWhat to do\n${todo.map((text) => `${wrap(`${text}.`, '  ').join('\n')}\n`).join('')}`;
  return `${paint(good ? 'green' : 'red', `holdfast ${safe(headline)}.`)}\n\n${rows}${list}`;
}

const sizeOf = (path: string) => statsOf(path)?.size ?? 0;
