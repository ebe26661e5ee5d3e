/** Metrics of the datastore, of whatever process. */
import type { DatastoreCounters } from '../process-view.ts';
import { datastoreStatus } from '../types.ts';
import type { StatusReport } from '../types.ts';
import { single, typeOf } from './metric-row.ts';
import type { MetricRow, Sample } from './metric-row.ts';

interface DatastoreSnapshot {
  readonly status: Pick<StatusReport, 'datastore'>;
  readonly counters: { readonly datastore: DatastoreCounters };
}

type DatastoreSource = StatusReport['datastore']['sources'][number];

const DATASTORE_STATES = datastoreStatus.shape.state.options;

/** A series for each source of the datastore that has a value. */
function perSource(
  name: string,
  help: string,
  value: (source: DatastoreSource) => number | null,
): MetricRow<DatastoreSnapshot> {
  return {
    name,
    help,
    type: typeOf(name),
    labels: ['source'],
    read: ({ status: { datastore } }) =>
      datastore.sources.flatMap((source): Sample[] => {
        const number = value(source);
        return number === null ? [] : [[number, source.name]];
      }),
  };
}

export const DATASTORE_METRICS: readonly MetricRow<DatastoreSnapshot>[] = [
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
