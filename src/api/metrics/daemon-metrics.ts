/** Metrics of the daemon itself: RIB and kernel routes. */
import { FAMILY_NAMES } from '../../net/family.ts';
import type { DaemonCounters, FibCounters } from '../daemon-view.ts';
import { drainStage } from '../types.ts';
import type { StatusReport } from '../types.ts';
import { single } from './metric-row.ts';
import type { MetricRow } from './metric-row.ts';
import type { DaemonSnapshot } from './daemon-snapshot.ts';

function perFamily(
  name: string,
  help: string,
  field: keyof DaemonCounters['families']['ipv4-unicast'],
): MetricRow<DaemonSnapshot> {
  return {
    name,
    help,
    type: 'gauge',
    labels: ['route_family'],
    read: ({ counters }) => FAMILY_NAMES.map((family) => [counters.families[family][field], family]),
  };
}

function fromStatus(
  name: string,
  help: string,
  value: (status: StatusReport) => number | boolean,
): MetricRow<DaemonSnapshot> {
  return single(name, help, ({ status }) => value(status));
}

function fromFib(name: string, help: string, field: Exclude<keyof FibCounters, 'lastSync'>): MetricRow<DaemonSnapshot> {
  return single(name, help, ({ counters }) => counters.fib[field]);
}

const daemonRows: readonly MetricRow<DaemonSnapshot>[] = [
  {
    name: 'starling_build_info',
    help: 'Always 1; the labels say what runs where.',
    type: 'gauge',
    labels: ['version', 'node', 'asn', 'router_id'],
    read: ({ status }) => [[1, status.version, status.node, String(status.asn), status.routerId]],
  },
  fromStatus(
    'starling_start_time_seconds',
    'When the daemon started, seconds since 1970.',
    (s) => s.started.epochSeconds,
  ),
  fromStatus('starling_config_loaded', '1 when the configuration is loaded.', (s) => s.configLoaded),
  fromStatus('starling_problems', 'Number of things that `starling status` says are wrong.', (s) => s.problems.length),
  fromStatus('starling_peers', 'Configured peers.', (s) => s.peers.total),
  fromStatus('starling_peers_established', 'Peers whose session is established.', (s) => s.peers.established),
  fromStatus('starling_peers_disabled', 'Peers disabled by an operator.', (s) => s.peers.disabled),
  fromStatus('starling_peers_kept', 'Peers wanted no more, kept until others replace them.', (s) => s.peers.kept),
  fromStatus('starling_peers_held_back', 'Peers whose removal or reset waits for a confirmation.', (s) => s.peers.held),
  {
    name: 'starling_drain_stage',
    help: '1 for the stage of taking the node out of the network, 0 for the others; `serving` is none.',
    type: 'gauge',
    labels: ['stage'],
    read: ({ status: { drain } }) => drainStage.options.map((stage) => [Number(stage === drain.stage), stage]),
  },
];

const ribRows: readonly MetricRow<DaemonSnapshot>[] = [
  perFamily('starling_rib_prefixes', 'Prefixes with at least one path.', 'prefixes'),
  perFamily('starling_rib_paths', 'Paths of all prefixes.', 'paths'),
  perFamily('starling_routes_originated', 'Routes originated by this node.', 'originated'),
  {
    name: 'starling_rib_best_paths',
    help: 'Prefixes with a best path.',
    type: 'gauge',
    labels: ['route_family'],
    read: ({ status }) => FAMILY_NAMES.map((family) => [status.routes[family].best, family]),
  },
  single('starling_rib_attribute_sets', 'Distinct attribute sets kept.', (s) => s.counters.attributeSets),
  single('starling_update_groups', 'Groups of peers that are sent the same updates.', (s) => s.counters.updateGroups),
];

const fibRows: readonly MetricRow<DaemonSnapshot>[] = [
  fromStatus('starling_fib_enabled', '1 when routes are written to the kernel.', (s) => s.fib.enabled),
  fromStatus('starling_fib_in_sync', '1 when the kernel has what it should have.', (s) => s.fib.inSync),
  fromStatus('starling_fib_routes_desired', 'Routes the kernel should have.', (s) => s.fib.desired),
  fromStatus('starling_fib_routes_installed', 'Routes the kernel has.', (s) => s.fib.installed),
  fromStatus('starling_fib_routes_failed', 'Routes the kernel refused.', (s) => s.fib.failed),
  fromFib('starling_fib_routes_pending', 'Routes still to be written or removed.', 'pending'),
  fromFib('starling_fib_routes_adopted', 'Routes found in the kernel at the start and kept.', 'adopted'),
  fromFib('starling_fib_written_total', 'Routes added or changed in the kernel.', 'written'),
  fromFib('starling_fib_removed_total', 'Routes removed from the kernel.', 'removed'),
  fromFib('starling_fib_errors_total', 'Requests the kernel refused.', 'errors'),
  fromFib('starling_fib_repaired_total', 'Routes put right after somebody else changed them.', 'repaired'),
  fromFib('starling_fib_next_hop_groups', 'Sets of next hops that routes use.', 'nextHopGroups'),
  fromFib('starling_fib_group_writes_total', 'Messages that wrote next-hop groups.', 'groupWrites'),
  fromFib('starling_fib_unresolved_next_hops', 'Next hops of learned routes out of reach.', 'unresolvedNextHops'),
  fromFib('starling_fib_apply_seconds_total', 'Time spent writing to the kernel.', 'applySeconds'),
  {
    name: 'starling_fib_last_sync_timestamp_seconds',
    help: 'When the kernel last had all it should have, seconds since 1970; absent before.',
    type: 'gauge',
    labels: [],
    read: ({ counters: { fib } }) => (fib.lastSync === undefined ? [] : [[fib.lastSync]]),
  },
];

export const DAEMON_METRICS: readonly MetricRow<DaemonSnapshot>[] = [...daemonRows, ...ribRows, ...fibRows];
