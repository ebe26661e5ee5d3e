import type { DaemonCounters } from '../daemon-view.ts';
import type { PeerSummary, StatusReport } from '../types.ts';
import type { ProcessFigures } from './metric-row.ts';

/** Everything the daemon's metrics are read from, taken at one moment. */
export interface DaemonSnapshot {
  readonly status: StatusReport;
  readonly peers: readonly PeerSummary[];
  readonly counters: DaemonCounters;
  readonly process: ProcessFigures;
}
