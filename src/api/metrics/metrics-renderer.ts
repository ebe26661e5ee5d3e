/** Turns the daemon's figures into the Prometheus text format at the moment they are asked for. */
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import type { IntervalHistogram } from 'node:perf_hooks';
import type { Counter, Gauge, Registry } from 'prom-client';
import type { DaemonView } from '../daemon-view.ts';
import { ADVERTISER_METRICS } from './advertiser-metrics.ts';
import { DAEMON_METRICS } from './daemon-metrics.ts';
import type { MetricRow, MetricsSnapshot, ProcessFigures } from './metric-row.ts';
import { SESSION_METRICS } from './session-metrics.ts';

/** Every metric there is. */
export const METRICS: readonly MetricRow[] = [...SESSION_METRICS, ...DAEMON_METRICS, ...ADVERTISER_METRICS];

/** How often the event loop's lag is sampled, milliseconds. */
const LAG_RESOLUTION = 50;

interface Instrument {
  readonly row: MetricRow;
  readonly metric: Gauge | Counter;
}

/** Renders metrics; keeps nothing between two scrapes but the event loop's lag. */
export class MetricsRenderer {
  readonly #lag: IntervalHistogram = monitorEventLoopDelay({ resolution: LAG_RESOLUTION });
  #instruments: Promise<{ registry: Registry; instruments: readonly Instrument[] }> | undefined;

  constructor() {
    this.#lag.enable();
  }

  /** All metrics as text. */
  async render(daemon: DaemonView): Promise<string> {
    this.#instruments ??= createInstruments();
    const { registry, instruments } = await this.#instruments;
    const snapshot: MetricsSnapshot = {
      status: daemon.status(),
      peers: daemon.peers(),
      counters: daemon.counters(),
      process: this.#processFigures(),
    };
    let text = '';
    for (const instrument of instruments) {
      fill(instrument, snapshot);
      text += `${await registry.getSingleMetricAsString(instrument.row.name)}\n`;
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

/** Made at the first scrape: loading prom-client would cost the daemon's start 50 ms and more. */
async function createInstruments(): Promise<{ registry: Registry; instruments: readonly Instrument[] }> {
  const { Counter, Gauge, Registry } = await import('prom-client');
  const registry = new Registry();
  const instruments = METRICS.map((row) => {
    const options = { name: row.name, help: row.help, labelNames: row.labels, registers: [registry] };
    return { row, metric: row.type === 'counter' ? new Counter(options) : new Gauge(options) };
  });
  return { registry, instruments };
}

function fill({ row, metric }: Instrument, snapshot: MetricsSnapshot): void {
  // What is gone since the last scrape must not be shown again.
  metric.reset();
  for (const [value, ...labelValues] of row.read(snapshot)) {
    const labels: Record<string, string> = {};
    for (const [index, name] of row.labels.entries()) labels[name] = labelValues[index];
    metric.inc(labels, value);
  }
}
