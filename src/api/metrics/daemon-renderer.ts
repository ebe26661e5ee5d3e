/** The metrics of the daemon. */
import type { DaemonView } from '../daemon-view.ts';
import { ADVERTISER_METRICS } from './advertiser-metrics.ts';
import { DAEMON_METRICS } from './daemon-metrics.ts';
import type { DaemonSnapshot } from './daemon-snapshot.ts';
import { DATASTORE_METRICS } from './datastore-metrics.ts';
import type { MetricRow } from './metric-row.ts';
import { MetricsRenderer } from './metrics-renderer.ts';
import type { Renderer } from './metrics-renderer.ts';
import { PROCESS_METRICS } from './process-metrics.ts';
import { SESSION_METRICS } from './session-metrics.ts';

/** Every metric of the daemon. */
export const DAEMON_ROWS: readonly MetricRow<DaemonSnapshot>[] = [
  ...SESSION_METRICS,
  ...DAEMON_METRICS,
  ...DATASTORE_METRICS,
  ...PROCESS_METRICS,
  ...ADVERTISER_METRICS,
];

export function daemonRenderer(): Renderer<DaemonView> {
  return new MetricsRenderer(DAEMON_ROWS, (daemon, process) => ({
    status: daemon.status(),
    peers: daemon.peers(),
    counters: daemon.counters(),
    process,
  }));
}
