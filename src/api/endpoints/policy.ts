/** Endpoints of the policy agent. */
import { z } from 'zod';
import { agentStatus, endpointReport, policyExplanation, policyReport } from '../agent-types.ts';
import type { AgentView, EndpointQuery, PolicyQuestion } from '../agent-view.ts';
import { booleanParameter, endpointsOf, numberParameter, sendJson } from '../endpoint.ts';
import type { Endpoint } from '../endpoint.ts';
import { ApiError } from '../errors.ts';
import { sendListing } from '../listing.ts';
import { hasPorts, ICMP, protocolName, readProtocol } from '../../net/protocols.ts';
import { agentReadinessChecks } from '../readiness.ts';
import { agentEvent } from '../types.ts';
import { events, readiness, sendReadiness, shutdown } from './common.ts';
import { DEFAULT_LIMIT, nextCursor, pagingParameters } from './paging.ts';

const defineEndpoint = endpointsOf<AgentView>();

const endParameter = z.string().min(1).max(600);

const portParameter = numberParameter(65_535);

const protocolParameter = z
  .string()
  .transform((text, context): number => {
    const number = readProtocol(text);
    if (number !== undefined) return number;
    context.addIssue({
      code: 'custom',
      message: `"${text}" is no protocol: tcp, udp, sctp, udplite, icmp, or 1 to 255`,
    });
    return z.NEVER;
  })
  .describe('`tcp`, `udp`, `sctp`, `udplite`, `icmp` (of either version of IP), or a number from 1 to 255.');

const status = defineEndpoint({
  method: 'GET',
  path: '/api/v1/status',
  summary: 'The agent at a glance, and what is wrong with it.',
  answer: agentStatus,
  handle: (_input, { view: agent, response }) => sendJson(response, agent.status()),
});

const policies = defineEndpoint({
  method: 'GET',
  path: '/api/v1/policies',
  summary: 'Policies of all tiers, in the order in which they are asked.',
  queryParameters: pagingParameters,
  answer: z.object({ policies: z.array(policyReport), nextCursor }),
  errors: [503],
  handle: async ({ query: { limit = DEFAULT_LIMIT, cursor = 0 } }, { view: agent, response }) => {
    const source = (position: number, count: number) => agent.policies(position, count);
    await sendListing(response, 'policies', source, cursor, limit);
  },
});

const endpoints = defineEndpoint({
  method: 'GET',
  path: '/api/v1/endpoints',
  summary: 'What selectors pick: workloads, hosts and network sets, and what is asked about their packets.',
  queryParameters: {
    name: endParameter.optional().describe('Only those with this name, interface or address.'),
    all: booleanParameter.optional().describe('`true`: also those of other nodes, and network sets.'),
    ...pagingParameters,
  },
  answer: z.object({ endpoints: z.array(endpointReport), nextCursor }),
  errors: [503],
  handle: async ({ query }, { view: agent, response }) => {
    const { name, all = false, limit = DEFAULT_LIMIT, cursor = 0 } = query;
    const endpointQuery: EndpointQuery = { all, ...(name !== undefined && { name }) };
    const source = (position: number, count: number) => agent.endpoints(endpointQuery, position, count);
    await sendListing(response, 'endpoints', source, cursor, limit);
  },
});

const explain = defineEndpoint({
  method: 'GET',
  path: '/api/v1/policies/explain',
  summary: 'What becomes of a packet, which policies decide, and which nodes enforce it.',
  queryParameters: {
    source: endParameter.describe('An address, `namespace/pod`, a HostEndpoint, or an interface of this node.'),
    destination: endParameter.describe('As `source`.'),
    protocol: protocolParameter,
    port: portParameter.optional().describe('Destination port; TCP, UDP, SCTP and UDP-Lite need one.'),
    sourcePort: portParameter.optional(),
    icmpType: numberParameter(255).optional().describe('Default: an echo request.'),
    icmpCode: numberParameter(255).optional().describe('Default 0.'),
  },
  answer: policyExplanation,
  errors: [404, 409, 503],
  handle: ({ query }, { view: agent, response }) => sendJson(response, agent.explain(questionOf(query))),
});

const readyz = defineEndpoint({
  method: 'GET',
  path: '/readyz',
  summary: 'Readiness: configuration loaded, datastore synced, kernel in sync; 503 if not, reasons in the body.',
  answer: readiness,
  alsoStatus: [503],
  handle: (_input, { view: agent, response }) => sendReadiness(response, agentReadinessChecks(agent.status())),
});

interface QuestionParameters {
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly port?: number | undefined;
  readonly sourcePort?: number | undefined;
  readonly icmpType?: number | undefined;
  readonly icmpCode?: number | undefined;
}

function questionOf({ source, destination, protocol, ...rest }: QuestionParameters): PolicyQuestion {
  const { port, sourcePort, icmpType, icmpCode } = rest;
  const name = protocolName(protocol);
  if (hasPorts(protocol) && port === undefined) throw new ApiError('INVALID', `${name} needs a destination port`);
  if (!hasPorts(protocol) && (port ?? sourcePort) !== undefined) {
    throw new ApiError('INVALID', `packets of protocol ${name} have no ports`);
  }
  if (!Object.values(ICMP).includes(protocol) && (icmpType ?? icmpCode) !== undefined) {
    throw new ApiError('INVALID', `packets of protocol ${name} have no ICMP type or code`);
  }
  if (icmpCode !== undefined && icmpType === undefined) throw new ApiError('INVALID', 'icmpCode needs icmpType');
  return {
    source,
    destination,
    protocol,
    ...(port !== undefined && { destinationPort: port }),
    ...(sourcePort !== undefined && { sourcePort }),
    ...(icmpType !== undefined && { icmp: { type: icmpType, code: icmpCode ?? 0 } }),
  };
}

/** The route table of the policy agent. */
export const POLICY: readonly Endpoint<AgentView>[] = [
  status,
  policies,
  explain,
  endpoints,
  events(agentEvent),
  readyz,
  shutdown('Stops the agent: for a restart, with the rules left in the kernel, or for good without them.'),
];
