/** A metric as a row of a table: its name, what it means, and how its values are read when it is scraped. */
import type { DaemonCounters } from '../daemon-view.ts';
import type { PeerSummary, StatusReport } from '../types.ts';

/** Everything the metrics are read from, taken at one moment. */
export interface MetricsSnapshot {
  readonly status: StatusReport;
  readonly peers: readonly PeerSummary[];
  readonly counters: DaemonCounters;
  readonly process: ProcessFigures;
}

/** Figures of the process itself. Times are seconds, sizes bytes. */
export interface ProcessFigures {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
  /** Time the event loop was busy since the process started. */
  readonly loopActiveSeconds: number;
  /** How late timers were since the last scrape, by quantile (`1` is the maximum). */
  readonly loopLagSeconds: Readonly<Record<'0.5' | '0.99' | '1', number>>;
}

/** A value and the values of its labels, in the order of the row's `labels`. */
export type Sample = readonly [value: number, ...labels: string[]];

export interface MetricRow {
  readonly name: string;
  readonly help: string;
  readonly type: 'gauge' | 'counter';
  readonly labels: readonly string[];
  readonly read: (snapshot: MetricsSnapshot) => Iterable<Sample>;
}
