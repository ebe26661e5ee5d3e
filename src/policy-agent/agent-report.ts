/** The agent as the API sees it. */
import { networkInterfaces } from 'node:os';
import type { AgentStatusReport, EndpointReport, PolicyExplanation, PolicyReport } from '../api/agent-types.ts';
import type { AgentCounters, AgentView, EndpointQuery, PolicyQuestion } from '../api/agent-view.ts';
import { ApiError } from '../api/errors.ts';
import type { Slice } from '../api/process-view.ts';
import type { ActionResult, AgentEvent } from '../api/types.ts';
import { toPastTimestamp } from '../api/timestamps.ts';
import type { DatastoreStatus } from '../datastore/datastore.ts';
import type { HostInterface } from '../policy/host-interfaces.ts';
import type { PolicyEngine } from '../policy/policy-engine.ts';
import type { DatastoreLog } from '../process/datastore-log.ts';
import { datastoreProblems, datastoreReport } from '../process/datastore-report.ts';
import type { EventLog } from '../process/event-log.ts';
import type { KernelPolicies } from './kernel-policies.ts';
import type { ResourceCounts } from './resource-counts.ts';
import type { ResourceProblems } from './resource-problems.ts';
import { EndpointReports } from './view/endpoint-report.ts';
import type { ExplanationInputs } from './view/packet-end.ts';
import { explainPacket } from './view/policy-explanation.ts';
import { PolicyReports } from './view/policy-report.ts';

/** What is looked at. */
export interface AgentParts {
  readonly node: string;
  readonly version: string;
  /** Milliseconds since 1970, as all times here. */
  readonly started: number;
  readonly now: () => number;
  readonly table: string;
  readonly engine: PolicyEngine;
  readonly kernel: KernelPolicies;
  readonly datastoreStatus: () => DatastoreStatus;
  readonly datastoreLog: DatastoreLog;
  /** Whether there was a snapshot. */
  readonly isSynced: () => boolean;
  readonly resources: ResourceCounts;
  readonly problems: ResourceProblems;
  /** What else is wrong, a sentence each. */
  readonly troubles: () => readonly string[];
  readonly events: EventLog<AgentEvent['type']>;
  readonly shutdown: (forGood: boolean) => void;
}

export class AgentReport implements AgentView {
  private readonly parts: AgentParts;
  private readonly policyReports = new PolicyReports();
  private readonly endpointReports = new EndpointReports();

  constructor(parts: AgentParts) {
    this.parts = parts;
  }

  status(): AgentStatusReport {
    return agentStatus(this.parts);
  }

  counters(): AgentCounters {
    return agentCounters(this.parts);
  }

  policies(position: number, limit: number): Slice<PolicyReport> {
    const { problems } = this.parts;
    return this.policyReports.slice(this.inputs().engine, problems.all, position, limit);
  }

  endpoints(query: EndpointQuery, position: number, limit: number): Slice<EndpointReport> {
    return this.endpointReports.slice(this.inputs(), query, position, limit);
  }

  explain(question: PolicyQuestion): PolicyExplanation {
    return explainPacket(this.inputs(), question);
  }

  events(after: number): readonly AgentEvent[] {
    return this.parts.events.after(after);
  }

  subscribe(listener: (event: AgentEvent) => void): () => void {
    return this.parts.events.subscribe(listener);
  }

  shutdown(forGood: boolean): ActionResult {
    this.parts.shutdown(forGood);
    return { words: forGood ? 'Shutting down for good.' : 'Stopping for a restart.' };
  }

  /** Nothing that is said before all is read would be true. */
  private inputs(): ExplanationInputs {
    const { node, engine, isSynced } = this.parts;
    if (!isSynced()) {
      throw new ApiError('UNAVAILABLE', 'the datastore was not read completely yet: `starling policy status` says why');
    }
    return { node, engine, interfaces: hostInterfaces() };
  }
}

/** The interfaces of this host that are up, and their addresses. */
function hostInterfaces(): readonly HostInterface[] {
  return Object.entries(networkInterfaces()).map(([name, addresses = []]) => ({
    name,
    addresses: addresses.map(({ address }) => address),
  }));
}

function agentStatus(parts: AgentParts): AgentStatusReport {
  const { kernel, engine } = parts;
  const now = parts.now();
  const datastore = datastoreReport(parts.datastoreStatus(), parts.datastoreLog, parts.isSynced(), now);
  const { appliedAt, trouble } = kernel;
  const { policies, activePolicies, tiers, profiles, endpoints, localWorkloads, localHosts, sets, members } =
    engine.counts;
  return {
    node: parts.node,
    version: parts.version,
    started: toPastTimestamp(parts.started, now),
    configLoaded: true,
    ruleset: {
      table: `inet ${parts.table}`,
      inSync: kernel.inSync,
      appliedAt: appliedAt === undefined ? null : toPastTimestamp(appliedAt, now),
      lastError: trouble === undefined ? null : { words: trouble.words, at: toPastTimestamp(trouble.at, now) },
    },
    totals: { policies, activePolicies, tiers, profiles, endpoints, localWorkloads, localHosts, sets, members },
    datastore,
    problems: [...kernelProblems(parts), ...datastoreProblems(datastore), ...parts.problems.words, ...parts.troubles()],
  };
}

function agentCounters({ kernel, resources, problems, datastoreLog }: AgentParts): AgentCounters {
  const { changes, lastChange, byKind } = resources;
  const { invalid } = problems;
  return {
    ruleset: kernel.figures,
    datastore: { changes, errors: datastoreLog.allErrors, lastChange, resources: byKind, invalid },
  };
}

function kernelProblems({ kernel: { trouble, refused, appliedAt }, table }: AgentParts): string[] {
  if (trouble === undefined)
    return refused.map((words) => `The kernel does not take a part of table inet ${table}: ${words}.`);
  const stays = appliedAt === undefined ? 'an earlier run left' : 'were in force before';
  return [`The kernel does not take table inet ${table}: ${trouble.words}; rules that ${stays} stay in force.`];
}
