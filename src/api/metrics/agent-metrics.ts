/** Metrics of the policy agent: what is enforced, and the rules in the kernel. Their number grows with nothing. */
import type { AgentStatusReport, PolicyTotals } from '../agent-types.ts';
import type { AgentCounters, RulesetCounters } from '../agent-view.ts';
import { isInForce } from '../readiness.ts';
import { single } from './metric-row.ts';
import type { MetricRow, ProcessFigures } from './metric-row.ts';

/** Everything the agent's metrics are read from, taken at one moment. */
export interface AgentSnapshot {
  readonly status: AgentStatusReport;
  readonly counters: AgentCounters;
  readonly process: ProcessFigures;
}

type Row = MetricRow<AgentSnapshot>;

function total(name: string, help: string, field: keyof PolicyTotals): Row {
  return single(name, help, ({ status }) => status.totals[field]);
}

function ruleset(name: string, help: string, field: Exclude<keyof RulesetCounters, 'apply' | 'latency'>): Row {
  return single(name, help, ({ counters }) => counters.ruleset[field]);
}

const agentRows: readonly Row[] = [
  {
    name: 'starling_policy_build_info',
    help: 'Always 1; the labels say what runs where.',
    type: 'gauge',
    labels: ['version', 'node'],
    read: ({ status }) => [[1, status.version, status.node]],
  },
  single('starling_policy_start_time_seconds', 'When the agent started, seconds since 1970.', ({ status }) => {
    return status.started.epochSeconds;
  }),
  single('starling_policy_config_loaded', '1 when the configuration is loaded.', ({ status }) => status.configLoaded),
  single(
    'starling_policy_problems',
    'Number of things that `starling policy status` says are wrong.',
    ({ status }) => status.problems.length,
  ),
];

const totalRows: readonly Row[] = [
  total('starling_policy_policies', 'Policies known.', 'policies'),
  total('starling_policy_active_policies', 'Policies that pick an endpoint of this node.', 'activePolicies'),
  total('starling_policy_tiers', 'Tiers known.', 'tiers'),
  total('starling_policy_profiles', 'Profiles known.', 'profiles'),
  total('starling_policy_endpoints', 'Workloads, hosts and network sets of all nodes.', 'endpoints'),
  total('starling_policy_local_workloads', 'Workloads of this node.', 'localWorkloads'),
  total('starling_policy_local_hosts', 'HostEndpoints of this node.', 'localHosts'),
  total('starling_policy_sets', 'Sets of addresses or ports that rules in the kernel name.', 'sets'),
  total('starling_policy_set_members', 'Members of all these sets.', 'members'),
];

const rulesetRows: readonly Row[] = [
  single('starling_policy_in_sync', '1 when the kernel takes what it should have.', ({ status }) =>
    isInForce(status.ruleset),
  ),
  {
    name: 'starling_policy_last_applied_timestamp_seconds',
    help: 'When the kernel took the last change, seconds since 1970; absent before.',
    type: 'gauge',
    labels: [],
    read: ({
      status: {
        ruleset: { appliedAt },
      },
    }) => (appliedAt === null ? [] : [[appliedAt.epochSeconds]]),
  },
  ruleset('starling_policy_transactions_total', 'Transactions that the kernel took.', 'transactions'),
  ruleset('starling_policy_statements_total', 'Statements in these.', 'statements'),
  ruleset('starling_policy_written_bytes_total', 'Bytes of these, as text.', 'bytes'),
  ruleset('starling_policy_rebuilds_total', 'Transactions that wrote the whole table.', 'rebuilds'),
  ruleset(
    'starling_policy_repairs_total',
    'How often the table was put right after somebody else changed it.',
    'repairs',
  ),
  ruleset('starling_policy_errors_total', 'Transactions that the kernel refused.', 'errors'),
  {
    name: 'starling_policy_apply_seconds',
    help: 'How long transactions took.',
    type: 'histogram',
    read: ({ counters }) => counters.ruleset.apply,
  },
  {
    name: 'starling_policy_latency_seconds',
    help: 'From the arrival of a change to its being in the kernel.',
    type: 'histogram',
    read: ({ counters }) => counters.ruleset.latency,
  },
];

export const AGENT_METRICS: readonly Row[] = [...agentRows, ...totalRows, ...rulesetRows];
