/** An AgentView that answers from plain data; it notes what was asked of it. */
import { ApiError } from '../../src/api/errors.ts';
import type { AgentStatusReport, EndpointReport, PolicyExplanation, PolicyReport } from '../../src/api/agent-types.ts';
import type { AgentCounters, AgentView, EndpointQuery, PolicyQuestion } from '../../src/api/agent-view.ts';
import type { Slice } from '../../src/api/process-view.ts';
import { toTimestamp } from '../../src/api/timestamps.ts';
import type { ActionResult, AgentEvent } from '../../src/api/types.ts';
import { AGENT_HEALTHY, PACKET_EXPLANATION, POLICIES, REMOTE, WEB } from './fake-policies.ts';
import { NOW } from './fake-status.ts';

const COUNTERS: AgentCounters = {
  ruleset: {
    transactions: 7,
    statements: 90,
    bytes: 12_000,
    rebuilds: 1,
    repairs: 2,
    errors: 1,
    apply: { bounds: [0.001, 0.01], counts: [4, 2, 1], sum: 0.05 },
    latency: { bounds: [0.01], counts: [7, 0], sum: 0.02 },
  },
  datastore: { changes: 5, errors: 0, lastChange: NOW, resources: { Pod: 120 }, invalid: 0 },
};

export function agentEvent(id: number): AgentEvent {
  return { id, ...toTimestamp(NOW + id * 1000), type: 'endpoint', subject: 'shop/web-1', words: `event ${id}` };
}

export class FakeAgentView implements AgentView {
  statusReport: AgentStatusReport = AGENT_HEALTHY;
  policyList: readonly PolicyReport[] = POLICIES;
  endpointList: readonly EndpointReport[] = [WEB, REMOTE];
  explanation: PolicyExplanation = PACKET_EXPLANATION;
  eventList: AgentEvent[] = [agentEvent(1), agentEvent(2)];
  readonly questions: PolicyQuestion[] = [];
  readonly actions: unknown[][] = [];
  readonly listeners = new Set<(event: AgentEvent) => void>();

  status(): AgentStatusReport {
    return this.statusReport;
  }

  policies(position: number, limit: number): Slice<PolicyReport> {
    return slice(this.policyList, position, limit);
  }

  endpoints({ name, all }: EndpointQuery, position: number, limit: number): Slice<EndpointReport> {
    const wanted = ({ local, name: own, addresses }: EndpointReport): boolean =>
      (all || local !== null) && (name === undefined || [own, ...addresses].includes(name));
    return slice(this.endpointList.filter(wanted), position, limit);
  }

  explain(question: PolicyQuestion): PolicyExplanation {
    if (question.source === 'shop/nobody') throw new ApiError('NOT_FOUND', 'there is no endpoint shop/nobody');
    this.questions.push(question);
    return this.explanation;
  }

  events(after: number): readonly AgentEvent[] {
    return this.eventList.filter(({ id }) => id > after);
  }

  subscribe(listener: (event: AgentEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  counters(): AgentCounters {
    return COUNTERS;
  }

  shutdown(forGood: boolean): ActionResult {
    this.actions.push(['shutdown', forGood]);
    return { words: `done: shutdown ${forGood}` };
  }
}

/** So few at a time that callers must go on from where a slice ended. */
function slice<T>(all: readonly T[], position: number, limit: number): Slice<T> {
  const end = position + Math.min(limit, 1);
  return { items: all.slice(position, end), next: end >= all.length ? null : end };
}
