/** `starling policy status`: one screen. */
import type { AgentStatusReport } from '../../api/agent-types.ts';
import { paint } from '../output/style.ts';
import type { Style } from '../output/style.ts';
import { formatAgo, formatCount, formatDuration, formatFields } from '../output/words.ts';
import { datastoreWords, problemWords } from './status-words.ts';

export function renderPolicyStatus(status: AgentStatusReport, style: Style): string {
  const { node, version, started } = status;
  const head =
    `${paint(node, 'bold', style)}\n` +
    `starling-policyd ${version}, up ${formatDuration(started.agoSeconds)} (since ${started.time})\n`;
  const fields = formatFields(
    [
      ['Endpoints', endpointWords(status)],
      ['Policies', policyWords(status)],
      ['Kernel', kernelWords(status), setWords(status)],
      ['Datastore', ...datastoreWords(status)],
    ],
    '',
  );
  return `${head}\n${fields}\n${problemWords(status.problems, style)}`;
}

function endpointWords({ totals: { localWorkloads, localHosts, endpoints } }: AgentStatusReport): string {
  const here = [
    formatCount(localWorkloads, 'workload'),
    ...(localHosts === 0 ? [] : [formatCount(localHosts, 'HostEndpoint')]),
  ];
  return `${here.join(' and ')} on this node, ${endpoints} known in all`;
}

function policyWords({ totals: { policies, activePolicies, tiers, profiles } }: AgentStatusReport): string {
  const known = policies === 1 ? '1 policy' : `${policies} policies`;
  const active = `${activePolicies} for endpoints of this node`;
  return `${known}, ${active}; ${formatCount(tiers, 'tier')}, ${formatCount(profiles, 'profile')}`;
}

function kernelWords({ ruleset: { table, inSync, appliedAt, lastError } }: AgentStatusReport): string {
  const applied = appliedAt === null ? 'nothing written yet' : `last changed ${formatAgo(appliedAt)}`;
  const error = lastError === null ? '' : `; ${formatAgo(lastError.at)}: ${lastError.words}`;
  return `${inSync ? 'in sync' : 'not in sync'}, table ${table}, ${applied}${error}`;
}

function setWords({ totals: { sets, members } }: AgentStatusReport): string {
  return `${formatCount(sets, 'set')} of addresses and ports, ${formatCount(members, 'member')}`;
}
