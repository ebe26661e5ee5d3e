/**
 * Everything the API needs from the policy agent. The agent implements it; the API and its tests know nothing else of the
 * agent. Answers are plain data that the agent doesn't touch afterwards.
 */
import type { AgentStatusReport, EndpointReport, PolicyExplanation, PolicyReport } from './agent-types.ts';
import type { DatastoreCounters, DurationFigures, ProcessView, Slice } from './process-view.ts';
import type { AgentEvent } from './types.ts';

/** A packet to be judged. Ends are an address, `namespace/pod`, the name of another endpoint, or an interface of this node. */
export interface PolicyQuestion {
  readonly source: string;
  readonly destination: string;
  /** IP protocol number; that of ICMP stands for ICMP of either version of IP. */
  readonly protocol: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  /** Absent: an echo request, where the protocol is ICMP. */
  readonly icmp?: { readonly type: number; readonly code: number };
}

/** Which endpoints are asked for. */
export interface EndpointQuery {
  /** Name, key, interface or address; absent: all. */
  readonly name?: string;
  /** Also those of other nodes, and network sets. */
  readonly all: boolean;
}

/** Figures of the rules in the kernel. Totals count since the agent started. */
export interface RulesetCounters {
  readonly transactions: number;
  /** Statements and bytes that these transactions had. */
  readonly statements: number;
  readonly bytes: number;
  /** Transactions that wrote the whole table. */
  readonly rebuilds: number;
  /** How often the table was put right after somebody else changed it. */
  readonly repairs: number;
  /** Transactions that the kernel refused. */
  readonly errors: number;
  /** How long transactions took. */
  readonly apply: DurationFigures;
  /** From the arrival of a change in the datastore to its being in the kernel. */
  readonly latency: DurationFigures;
}

/** Figures that only the metrics need, beside those of the status. */
export interface AgentCounters {
  readonly ruleset: RulesetCounters;
  readonly datastore: DatastoreCounters;
}

/** The policy agent as the API sees it. */
export interface AgentView extends ProcessView<AgentEvent> {
  status(): AgentStatusReport;

  // These throw ApiError UNAVAILABLE where not all is known yet.

  /** Policies in the order in which they are asked; slices as those of endpoints. */
  policies(position: number, limit: number): Slice<PolicyReport>;

  /** Endpoints, those of this node first, from a position on, 0 to begin with; about `limit` of them, or fewer. */
  endpoints(query: EndpointQuery, position: number, limit: number): Slice<EndpointReport>;

  /** What becomes of a packet. Throws {@link ApiError} NOT_FOUND, INVALID and CONFLICT where an end can't be told. */
  explain(question: PolicyQuestion): PolicyExplanation;

  counters(): AgentCounters;
}
