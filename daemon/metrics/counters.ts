import Counter from 'prom-client/lib/counter.js';
import Gauge from 'prom-client/lib/gauge.js';
import Histogram from 'prom-client/lib/histogram.js';
import Registry from 'prom-client/lib/registry.js';
import { errorTable, type ErrorCode } from '../../shared/errors.ts';
import { recoveries as ofStore, threads, type Observer } from '../store/store.ts';
import { recent } from './recent.ts';

// What is counted as it happens. Labels are operations, codes and words of ours: never what a caller chose.

const seconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30];
/** What is mended without a person; the first two by the self-check. */
const recoveries = ['socket_remade', 'record_remade', 'unclean_start', ...ofStore] as const;
/** Codes by which a write fails though its caller did nothing wrong. */
export const failures: ReadonlySet<string> = new Set<ErrorCode>([
  'busy',
  'internal',
  'storage_failed',
  'storage_full',
  'store_replaced',
]);
/** What is too much, as in monitoring/alerts.yml: times in milliseconds. */
export const limits = { failedShare: 0.01, failedMs: 300_000, damagedMs: 900_000, invalid: 500, invalidMs: 300_000 };

export type Outcome = ErrorCode | 'ok' | 'aborted';
export type Recovered = (typeof recoveries)[number];

/** The counters of one daemon, and what they say is wrong. */
export interface Counters extends Observer {
  readonly registry: Registry;
  /** How many requests are under way now. */
  underWay(requests: number): void;
  /** A request came to its end; `ms` is undefined when its answer did not. */
  answered(op: string, outcome: Outcome, ms: number | undefined): void;
  /** A call inside a batch was refused. */
  refused(op: string, code: ErrorCode): void;
  recovered(what: Recovered): void;
  /** Codes for health. */
  reasons(): string[];
}

export function createCounters(): Counters {
  const registry = new Registry();
  const counter = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    new Counter({ name, help, labelNames, registers: [registry] });
  const histogram = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    new Histogram({ name, help, labelNames, buckets: seconds, registers: [registry] });

  const requests = counter(
    'holdfast_requests_total',
    'Requests by operation and outcome: ok, aborted by the caller, or the code of a problem',
    'op',
    'code',
  );
  const active = new Gauge({
    name: 'holdfast_requests_under_way',
    help: 'Requests that are neither answered nor given up, this one too',
    registers: [registry],
  });
  const latency = histogram(
    'holdfast_request_duration_seconds',
    'Time from a request to the end of its answer, by operation',
    'op',
  );
  const writes = counter(
    'holdfast_writes_total',
    'Writes that were answered, those inside batches each, by operation and outcome: ok means durable',
    'op',
    'code',
  );
  const waits = histogram(
    'holdfast_write_wait_seconds',
    'Time from handing a write to the writer to its durable answer: there is no other lock to wait for',
  );
  const invalid = counter(
    'holdfast_validation_errors_total',
    'Calls refused as not valid, those inside batches each, by operation',
    'op',
  );
  const damaged = counter(
    'holdfast_damaged_rows_total',
    'Damaged rows met, counted each time, by the thread that read them',
    'thread',
  );
  const recovered = counter('holdfast_recoveries_total', 'What the daemon mended by itself', 'kind');
  // A rate needs a zero to start from.
  for (const thread of threads) damaged.inc({ thread }, 0);
  for (const kind of recoveries) recovered.inc({ kind }, 0);

  const lately = {
    writes: recent(limits.failedMs),
    failed: recent(limits.failedMs),
    damaged: recent(limits.damagedMs),
    invalid: recent(limits.invalidMs),
  };
  const refused = (op: string, code: ErrorCode) => {
    if (errorTable[code].status !== 400) return;
    invalid.inc({ op });
    lately.invalid.add(1);
  };
  return {
    registry,
    refused,
    underWay: (count) => active.set(count),
    answered: (op, code, ms) => {
      requests.inc({ op, code });
      if (ms !== undefined) latency.observe({ op }, ms / 1000);
      if (code !== 'ok' && code !== 'aborted') refused(op, code);
    },
    wrote: (op, code, ms) => {
      writes.inc({ op, code });
      waits.observe(ms / 1000);
      lately.writes.add(1);
      if (failures.has(code)) lately.failed.add(1);
    },
    damaged: (thread, rows) => {
      damaged.inc({ thread }, rows);
      lately.damaged.add(rows);
    },
    recovered: (kind) => recovered.inc({ kind }),
    reasons: () =>
      [
        lately.failed.sum() > limits.failedShare * lately.writes.sum() && 'writes_failing',
        lately.damaged.sum() > 0 && 'damage_found',
        lately.invalid.sum() > limits.invalid && 'inputs_refused',
      ].filter((reason) => typeof reason === 'string'),
  };
}
