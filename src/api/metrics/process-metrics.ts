/** Metrics of a process: event loop, CPU, memory. */
import { single } from './metric-row.ts';
import type { MetricRow, ProcessFigures } from './metric-row.ts';

interface ProcessSnapshot {
  readonly process: ProcessFigures;
}

export const PROCESS_METRICS: readonly MetricRow<ProcessSnapshot>[] = [
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
