/** Metrics of the daemon itself: RIB, kernel routes, datastore, event loop, process. */
import { FAMILY_NAMES } from '../../net/family.ts';
import type { DaemonCounters, FibCounters } from '../daemon-view.ts';
import { datastoreStatus, drainStage } from '../types.ts';
import type { StatusReport } from '../types.ts';
import type { MetricRow, MetricsSnapshot, Sample } from './metric-row.ts';

type DatastoreSource = StatusReport['datastore']['sources'][number];

const DATASTORE_STATES = datastoreStatus.shape.state.options;

function single(name: string, help: string, value: (snapshot: MetricsSnapshot) => number): MetricRow {
  const type = name.endsWith('_total') ? 'counter' : 'gauge';
  return { name, help, type, labels: [], read: (snapshot) => [[value(snapshot)]] };
}

function perFamily(name: string, help: string, field: keyof DaemonCounters['families']['ipv4-unicast']): MetricRow {
  return {
    name,
    help,
    type: 'gauge',
    labels: ['route_family'],
    read: ({ counters }) => FAMILY_NAMES.map((family) => [counters.families[family][field], family]),
  };
}

function fromStatus(name: string, help: string, value: (status: StatusReport) => number | boolean): MetricRow {
  return single(name, help, ({ status }) => Number(value(status)));
}

function fromFib(name: string, help: string, field: Exclude<keyof FibCounters, 'lastSync'>): MetricRow {
  return single(name, help, ({ counters }) => counters.fib[field]);
}

/** A series for each source of the datastore that has a value. */
function perSource(name: string, help: string, value: (source: DatastoreSource) => number | null): MetricRow {
  return {
    name,
    help,
    type: name.endsWith('_total') ? 'counter' : 'gauge',
    labels: ['source'],
    read: ({ status: { datastore } }) =>
      datastore.sources.flatMap((source): Sample[] => {
        const number = value(source);
        return number === null ? [] : [[number, source.name]];
      }),
  };
}

const daemonRows: readonly MetricRow[] = [
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

const ribRows: readonly MetricRow[] = [
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

const fibRows: readonly MetricRow[] = [
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

const datastoreRows: readonly MetricRow[] = [
  {
    name: 'starling_datastore_state',
    help: '1 for the state the datastore is in, 0 for the others.',
    type: 'gauge',
    labels: ['type', 'state'],
    read: ({ status: { datastore } }) =>
      DATASTORE_STATES.map((state) => [Number(state === datastore.state), datastore.type, state]),
  },
  {
    name: 'starling_datastore_resources',
    help: 'Resources known, by kind.',
    type: 'gauge',
    labels: ['kind'],
    read: ({ counters }) => Object.entries(counters.datastore.resources).map(([kind, count]) => [count, kind]),
  },
  single(
    'starling_datastore_invalid_resources',
    'Resources ignored as not valid.',
    (s) => s.counters.datastore.invalid,
  ),
  single('starling_datastore_changes_total', 'Changes of resources seen.', (s) => s.counters.datastore.changes),
  single(
    'starling_datastore_errors_total',
    'Failed attempts to read the datastore.',
    (s) => s.counters.datastore.errors,
  ),
  {
    name: 'starling_datastore_last_change_timestamp_seconds',
    help: 'When a resource came, changed or went last, seconds since 1970; absent before.',
    type: 'gauge',
    labels: [],
    read: ({ counters: { datastore } }) => (datastore.lastChange === undefined ? [] : [[datastore.lastChange / 1000]]),
  },
  {
    name: 'starling_datastore_cache_written_timestamp_seconds',
    help: 'When the last known state was written that is in force, seconds since 1970; absent while none is.',
    type: 'gauge',
    labels: [],
    read: ({ status: { datastore } }) =>
      datastore.cacheWritten === null ? [] : [[datastore.cacheWritten.epochSeconds]],
  },
  perSource('starling_datastore_source_synced', '1 for a source that is read without a gap, else 0.', (source) =>
    Number(source.state === 'synced'),
  ),
  perSource('starling_datastore_source_errors_total', 'How often a source could not be read.', (s) => s.errors),
  perSource(
    'starling_datastore_source_reconnects_total',
    'How often a source was connected again.',
    (s) => s.reconnects,
  ),
  perSource('starling_datastore_source_lag_seconds', 'How far behind a source is, where known.', (s) => s.lagSeconds),
];

const processRows: readonly MetricRow[] = [
  {
    name: 'starling_event_loop_lag_seconds',
    help: 'How late the event loop was since the last scrape; quantile 1 is the maximum.',
    type: 'gauge',
    labels: ['quantile'],
    read: ({ process }) => Object.entries(process.loopLagSeconds).map(([quantile, lag]) => [lag, quantile]),
  },
  single(
    'starling_event_loop_active_seconds_total',
    'Time the event loop was busy.',
    (s) => s.process.loopActiveSeconds,
  ),
  single('process_cpu_seconds_total', 'CPU time of the process, all threads.', (s) => s.process.cpuSeconds),
  single('process_resident_memory_bytes', 'Resident memory of the process.', (s) => s.process.residentBytes),
  single('nodejs_heap_size_used_bytes', 'JavaScript heap in use.', (s) => s.process.heapUsedBytes),
];

export const DAEMON_METRICS: readonly MetricRow[] = [
  ...daemonRows,
  ...ribRows,
  ...fibRows,
  ...datastoreRows,
  ...processRows,
];
