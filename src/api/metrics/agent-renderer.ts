/** The metrics of the policy agent. */
import type { AgentView } from '../agent-view.ts';
import { AGENT_METRICS } from './agent-metrics.ts';
import type { AgentSnapshot } from './agent-metrics.ts';
import { DATASTORE_METRICS } from './datastore-metrics.ts';
import type { MetricRow } from './metric-row.ts';
import { MetricsRenderer } from './metrics-renderer.ts';
import type { Renderer } from './metrics-renderer.ts';
import { PROCESS_METRICS } from './process-metrics.ts';

/** Every metric of the policy agent. */
export const AGENT_ROWS: readonly MetricRow<AgentSnapshot>[] = [
  ...AGENT_METRICS,
  ...DATASTORE_METRICS,
  ...PROCESS_METRICS,
];

export function agentRenderer(): Renderer<AgentView> {
  return new MetricsRenderer(AGENT_ROWS, (agent, process) => ({
    status: agent.status(),
    counters: agent.counters(),
    process,
  }));
}
