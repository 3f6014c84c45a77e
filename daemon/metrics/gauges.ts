import Gauge from 'prom-client/lib/gauge.js';
import { contract } from '../../shared/contract.ts';
import { version, protocol } from '../../shared/protocol.ts';
import { reasonCodes } from '../../shared/reasons.ts';
import type { Health } from '../health.ts';
import type { AppSize } from '../store/sizes.ts';
import type { Store } from '../store/store.ts';
import type { Counters } from './counters.ts';

/** Applications that are told apart; the sizes of all others are one. No application has the name of these. */
const mostApps = 50;
const others = '(others)';

/** What the metrics look at. */
export interface Seen {
  counters: Counters;
  store: Store;
  health: () => Promise<Health>;
  /** Readers that follow the change stream. */
  readers: () => number;
  /** When the daemon before this one stopped in order, in milliseconds; undefined if it did not, or is not known. */
  lastCleanStop: number | undefined;
}

/** Answers the metrics as text. All that is no counter is looked at when it is asked for: nothing wakes in between. */
export function createMetrics({ counters, store, health, readers, lastCleanStop }: Seen): () => Promise<string> {
  const { registry } = counters;
  const gauge = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    new Gauge({ name, help, labelNames, registers: [registry] });

  const depth = gauge('holdfast_write_queue_depth', 'Writes that are not answered yet');
  const oldest = gauge('holdfast_oldest_unanswered_write_seconds', 'Age of the oldest of them');
  const wal = gauge('holdfast_wal_bytes', 'Size of the write-ahead log');
  const database = gauge('holdfast_database_bytes', 'Size of the database without it');
  const free = gauge('holdfast_free_bytes', 'Free space of the file system that holds the data');
  const lag = gauge('holdfast_search_lag_changes', 'Changes that the search index has yet to take in');
  const followers = gauge('holdfast_change_stream_readers', 'Readers that follow the change stream');
  const reason = gauge('holdfast_health_reason', '1 while health gives this reason, else 0', 'reason');
  const status = gauge('holdfast_health_status', '1 for the status that health gives, else 0', 'status');
  const committed = gauge('holdfast_last_commit_timestamp_seconds', 'Time of the last commit; NaN before the first');
  const resident = gauge('process_resident_memory_bytes', 'Memory of the process');
  const heap = gauge('nodejs_heap_size_used_bytes', 'Heap that the main thread uses');
  const ofApp = {
    bytes: gauge('holdfast_app_bytes', 'Content of the messages of an application, at most some minutes ago', 'app'),
    messages: gauge(
      'holdfast_app_messages',
      'Messages that are kept of an application, at most some minutes ago',
      'app',
    ),
    sessions: gauge('holdfast_app_sessions', 'Sessions of an application, at most some minutes ago', 'app'),
  };
  const sized = gauge('holdfast_app_sizes_timestamp_seconds', 'When these were counted; NaN when they cannot be');
  gauge('holdfast_build_info', 'What runs', 'version', 'protocol', 'schema', 'node', 'engine').set(
    { version, protocol, schema: store.schemaVersion, node: process.version, engine: store.engine },
    1,
  );
  gauge('process_start_time_seconds', 'When the process started').set(Date.now() / 1000 - process.uptime());
  gauge(
    'holdfast_last_clean_stop_timestamp_seconds',
    'When the daemon before this one stopped in order; NaN if it did not, or there was none',
  ).set(lastCleanStop === undefined ? NaN : lastCleanStop / 1000);
  gauge('holdfast_backup_age_seconds', 'Age of the newest backup; NaN: unknown, for this version makes none').set(NaN);

  return async () => {
    const [now, figures] = await Promise.all([health(), store.figures()]);
    depth.set(now.queueDepth);
    oldest.set(now.oldestUnansweredMs / 1000);
    wal.set(now.walBytes);
    free.set(now.freeBytes);
    committed.set(now.lastCommitAt === null ? NaN : Date.parse(now.lastCommitAt) / 1000);
    for (const code of reasonCodes) reason.set({ reason: code }, now.reasons.includes(code) ? 1 : 0);
    for (const one of contract.system.health.output.shape.status.options) {
      status.set({ status: one }, one === now.status ? 1 : 0);
    }
    database.set(figures.databaseBytes ?? NaN);
    lag.set(figures.searchLag ?? NaN);
    followers.set(readers());
    resident.set(process.memoryUsage.rss());
    heap.set(process.memoryUsage().heapUsed);
    sized.set(figures.sizedAt === undefined ? NaN : figures.sizedAt / 1000);
    for (const one of Object.values(ofApp)) one.reset();
    for (const { app, ...size } of largest(figures.apps)) {
      for (const what of ['bytes', 'messages', 'sessions'] as const) ofApp[what].set({ app }, size[what]);
    }
    return registry.metrics();
  };
}

/** The largest applications, and the rest of them as one. */
function largest(apps: AppSize[]): AppSize[] {
  const sorted = apps.toSorted((one, other) => other.bytes - one.bytes || (one.app < other.app ? -1 : 1));
  const rest = sorted.slice(mostApps);
  if (rest.length === 0) return sorted;
  const sum = (of: (size: AppSize) => number) => rest.reduce((all, size) => all + of(size), 0);
  const together = {
    app: others,
    bytes: sum(({ bytes }) => bytes),
    messages: sum(({ messages }) => messages),
    sessions: sum(({ sessions }) => sessions),
  };
  return [...sorted.slice(0, mostApps), together];
}
