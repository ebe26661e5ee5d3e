/** Metrics of what this node announces for services. */
import type { AdvertiserCounters } from '../daemon-view.ts';
import type { DaemonSnapshot } from './daemon-snapshot.ts';
import { single } from './metric-row.ts';
import type { MetricRow } from './metric-row.ts';

function row(name: string, help: string, field: keyof AdvertiserCounters): MetricRow<DaemonSnapshot> {
  return single(name, help, ({ counters }) => counters.advertiser[field]);
}

export const ADVERTISER_METRICS: readonly MetricRow<DaemonSnapshot>[] = [
  row('starling_advertiser_services', 'Services that the datastore has.', 'services'),
  row('starling_advertiser_endpoints', 'Endpoints of these, of whatever state.', 'endpoints'),
  row('starling_advertiser_routes', 'Routes that services ask this node for, ranges included.', 'routes'),
  row('starling_advertiser_aggregates', 'Of these, the ranges of the BGPConfiguration.', 'aggregates'),
  row('starling_advertiser_held_withdrawals', 'Routes wanted no more that are kept for now.', 'held'),
  row('starling_advertiser_withheld', '1 while no routes to services are originated, as in a drain.', 'withheld'),
  row('starling_advertiser_changes_total', 'Routes to services that came, changed or went.', 'changes'),
];
