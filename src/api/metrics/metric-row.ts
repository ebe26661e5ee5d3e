/** A metric as a row of a table: its name, what it means, and how its values are read when it is scraped. */
import type { DurationFigures } from '../process-view.ts';

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

/** What a metric is. */
export interface RowHead {
  readonly name: string;
  readonly help: string;
}

/** `S`: what its values are read from, taken at one moment. */
interface ValueRow<S> extends RowHead {
  readonly type: 'gauge' | 'counter';
  readonly labels: readonly string[];
  readonly read: (snapshot: S) => Iterable<Sample>;
}

/** Durations by size; it has no labels. */
interface HistogramRow<S> extends RowHead {
  readonly type: 'histogram';
  readonly read: (snapshot: S) => DurationFigures;
}

export type MetricRow<S> = ValueRow<S> | HistogramRow<S>;

/** A metric without labels; a counter by its name. */
export function single<S>(name: string, help: string, value: (snapshot: S) => number | boolean): MetricRow<S> {
  return { name, help, type: typeOf(name), labels: [], read: (snapshot) => [[Number(value(snapshot))]] };
}

/** The type that the name of a metric tells. */
export function typeOf(name: string): 'gauge' | 'counter' {
  return name.endsWith('_total') ? 'counter' : 'gauge';
}
