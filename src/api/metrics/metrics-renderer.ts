/** Turns the figures of a process into the Prometheus text format at the moment they are asked for. */
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import type { IntervalHistogram } from 'node:perf_hooks';
import type { Counter, Gauge } from 'prom-client';
import type { DurationFigures } from '../process-view.ts';
import type { MetricRow, ProcessFigures, RowHead, Sample } from './metric-row.ts';

/** How often the event loop's lag is sampled, milliseconds. */
const LAG_RESOLUTION = 50;

/** Writes one metric as text. */
type MetricWriter<S> = (snapshot: S) => string | Promise<string>;

/** What makes the metrics of a process that shows `V`. */
export interface Renderer<V> {
  /** All metrics as text. */
  render(view: V): Promise<string>;
  close(): void;
}

/** Renders metrics; keeps nothing between two scrapes but the event loop's lag. `S`: what the rows are read from. */
export class MetricsRenderer<V, S> implements Renderer<V> {
  readonly #rows: readonly MetricRow<S>[];
  readonly #take: (view: V, process: ProcessFigures) => S;
  readonly #lag: IntervalHistogram = monitorEventLoopDelay({ resolution: LAG_RESOLUTION });
  #writers: Promise<readonly MetricWriter<S>[]> | undefined;

  /** `take` gives all that the rows are read from, as it is at one moment. */
  constructor(rows: readonly MetricRow<S>[], take: (view: V, process: ProcessFigures) => S) {
    this.#rows = rows;
    this.#take = take;
    this.#lag.enable();
  }

  async render(view: V): Promise<string> {
    this.#writers ??= createWriters(this.#rows);
    const snapshot = this.#take(view, this.#processFigures());
    let text = '';
    for (const write of await this.#writers) {
      text += await write(snapshot);
      // With a thousand peers this takes more than 100 ms in all, which nobody else should wait for.
      await setImmediate();
    }
    return text;
  }

  close(): void {
    this.#lag.disable();
  }

  #processFigures(): ProcessFigures {
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed } = process.memoryUsage();
    const lag = (percentile: number): number =>
      this.#lag.count === 0 ? 0 : Math.max(0, this.#lag.percentile(percentile) / 1e9 - LAG_RESOLUTION / 1e3);
    const loopLagSeconds = { '0.5': lag(50), '0.99': lag(99), '1': lag(100) };
    this.#lag.reset();
    return {
      cpuSeconds: (user + system) / 1e6,
      residentBytes: rss,
      heapUsedBytes: heapUsed,
      loopActiveSeconds: performance.eventLoopUtilization().active / 1e3,
      loopLagSeconds,
    };
  }
}

/** Made at the first scrape: loading prom-client would cost the process's start 50 ms and more. */
async function createWriters<S>(rows: readonly MetricRow<S>[]): Promise<readonly MetricWriter<S>[]> {
  const { Counter, Gauge, Registry } = await import('prom-client');
  const registry = new Registry();
  return rows.map((row): MetricWriter<S> => {
    // The library observes durations itself, one by one; here they are counted already.
    if (row.type === 'histogram') return (snapshot) => histogramText(row, row.read(snapshot));
    const options = { name: row.name, help: row.help, labelNames: row.labels, registers: [registry] };
    const metric = row.type === 'counter' ? new Counter(options) : new Gauge(options);
    return async (snapshot) => {
      const samples = [...row.read(snapshot)];
      // Of a metric without labels the library would show 0 where there is no value.
      if (samples.length === 0 && row.labels.length === 0) return '';
      fill(metric, row.labels, samples);
      return `${await registry.getSingleMetricAsString(row.name)}\n`;
    };
  });
}

function fill(metric: Gauge | Counter, labelNames: readonly string[], samples: Iterable<Sample>): void {
  // What is gone since the last scrape must not be shown again.
  metric.reset();
  for (const [value, ...labelValues] of samples) {
    const labels: Record<string, string> = {};
    for (const [index, name] of labelNames.entries()) labels[name] = labelValues[index];
    metric.inc(labels, value);
  }
}

function histogramText({ name, help }: RowHead, { bounds, counts, sum }: DurationFigures): string {
  let count = 0;
  const buckets = counts.map((more, index) => {
    count += more;
    return `${name}_bucket{le="${index < bounds.length ? bounds[index] : '+Inf'}"} ${count}\n`;
  });
  const head = `# HELP ${name} ${help}\n# TYPE ${name} histogram\n`;
  return `${head}${buckets.join('')}${name}_sum ${sum}\n${name}_count ${count}\n`;
}
