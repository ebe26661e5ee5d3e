/** The JSON shapes of what the policy agent says of itself, and of policies and endpoints. Conventions as in `types.ts`. */
import { z } from 'zod';
import { count, datastoreStatus, pastTimestamp, trouble } from './types.ts';

// Status

export const rulesetStatus = z
  .object({
    table: z.string().describe('The table of nftables that the agent keeps, `inet starling_policy`.'),
    inSync: z.boolean().describe('The kernel has what it should have.'),
    appliedAt: pastTimestamp.nullable().describe('When the kernel took the last change; null: it took none yet.'),
    lastError: trouble.nullable().describe('What is in the way now; null when nothing is.'),
  })
  .meta({ id: 'RulesetStatus' });

export const policyTotals = z
  .object({
    policies: count,
    activePolicies: count.describe('Policies that pick an endpoint of this node.'),
    tiers: count,
    profiles: count,
    endpoints: count.describe('Workloads, hosts and network sets, of all nodes.'),
    localWorkloads: count.describe('Workloads of this node.'),
    localHosts: count.describe('HostEndpoints of this node.'),
    sets: count.describe('Sets of addresses or ports that rules in the kernel name.'),
    members: count.describe('Members of all sets.'),
  })
  .meta({ id: 'PolicyTotals' });
export interface PolicyTotals extends z.infer<typeof policyTotals> {}

export const agentStatus = z
  .object({
    node: z.string(),
    version: z.string(),
    started: pastTimestamp,
    configLoaded: z.boolean(),
    ruleset: rulesetStatus,
    totals: policyTotals,
    datastore: datastoreStatus,
    problems: z.array(z.string()).describe('What is wrong, a sentence each; empty when nothing is.'),
  })
  .meta({ id: 'AgentStatus' });
export interface AgentStatusReport extends z.infer<typeof agentStatus> {}

// Policies

export const policyDirection = z.enum(['ingress', 'egress']);

export const policyProblem = z
  .object({
    path: z.string().describe('Field of the resource; empty: the resource as a whole.'),
    message: z.string(),
    severity: z.enum(['error', 'warning']),
  })
  .meta({ id: 'PolicyProblem' });

export const policyReport = z
  .object({
    kind: z.enum(['NetworkPolicy', 'GlobalNetworkPolicy', 'KubernetesNetworkPolicy']),
    namespace: z.string().nullable(),
    name: z.string(),
    tier: z.object({
      name: z.string(),
      exists: z.boolean().describe('false: there is no Tier of this name; it comes last, and ends with Deny.'),
      order: z.number().nullable().describe('null: none is written, so that it comes last.'),
      defaultAction: z.enum(['Deny', 'Pass']),
    }),
    order: z.number().nullable().describe('null: none is written, so that it comes last in its tier.'),
    scope: z
      .enum(['normal', 'forward', 'preDNAT', 'untracked'])
      .describe('`forward`: also what a host forwards (applyOnForward).'),
    selector: z.string().describe('Which endpoints it is for, in canonical form.'),
    directions: z.array(policyDirection).describe('Directions that it judges.'),
    rules: z.object({ ingress: count, egress: count }).describe('Number of rules as they are enforced.'),
    endpoints: count.describe('Endpoints of this node that it picks.'),
    problems: z.array(policyProblem),
  })
  .meta({ id: 'PolicyReport' });
export interface PolicyReport extends z.infer<typeof policyReport> {}

// Endpoints

export const endpointKind = z.enum(['workload', 'host', 'set']);

export const endpointRules = z
  .object({
    layer: z
      .enum(['workload', 'host', 'forward', 'preDNAT', 'untracked'])
      .describe('Where packets are judged: at a workload, or at a HostEndpoint by scope of policies.'),
    direction: policyDirection,
    tiers: z
      .array(
        z.object({
          name: z.string(),
          defaultAction: z.enum(['Deny', 'Pass']),
          policies: z.array(z.string()).describe('`namespace/name` or `name`, in the order in which they are asked.'),
        }),
      )
      .describe('In the order in which they are asked; only those with a policy for the endpoint and direction.'),
    profiles: z.array(z.object({ name: z.string(), exists: z.boolean() })).describe('Asked after the tiers, in order.'),
    words: z.string().describe('What applies, in a sentence.'),
  })
  .meta({ id: 'PolicyEndpointRules' });
export interface EndpointRulesReport extends z.infer<typeof endpointRules> {}

export const endpointReport = z
  .object({
    key: z.string().describe('Kind and name of its resource.'),
    kind: endpointKind,
    name: z.string().describe('`namespace/pod`, or the name of a HostEndpoint or network set.'),
    namespace: z.string().nullable(),
    node: z.string().nullable().describe('null: not known, or on none.'),
    local: z
      .object({
        interface: z.string().nullable().describe('null: a HostEndpoint whose addresses no interface has.'),
        up: z.boolean().describe('false: nothing passes.'),
        problem: z.string().nullable().describe('Why nothing of it is enforced; null: it is.'),
      })
      .nullable()
      .describe('null: it is not on this node.'),
    addresses: z.array(z.string()),
    ports: z.array(z.object({ name: z.string(), protocol: z.string(), port: count })),
    labels: z.object({
      own: z.record(z.string(), z.string()),
      inherited: z.record(z.string(), z.string()).describe('Of its profiles, where it has none of its own.'),
    }),
    profiles: z.array(z.object({ name: z.string(), exists: z.boolean() })),
    rules: z
      .array(endpointRules)
      .nullable()
      .describe('null: not worked out, as of other nodes in a listing that asks for no name; empty: a network set.'),
  })
  .meta({ id: 'PolicyEndpoint' });
export interface EndpointReport extends z.infer<typeof endpointReport> {}

// Explanations

export const packetEnd = z
  .object({
    query: z.string().describe('As it was asked for.'),
    address: z.string().nullable().describe('null: none is known, as of an interface that nobody is known at.'),
    endpoint: z
      .object({
        key: z.string(),
        kind: endpointKind,
        name: z.string(),
        node: z.string().nullable(),
        interface: z.string().nullable(),
      })
      .nullable()
      .describe('The workload or HostEndpoint that it is; null: none that is known.'),
    host: z.boolean().describe('It is an address of this node itself.'),
    sets: z.array(z.string()).describe('Network sets that the address is in.'),
    words: z.string(),
  })
  .meta({ id: 'PacketEnd' });
export interface PacketEnd extends z.infer<typeof packetEnd> {}

export const policyDecision = z
  .object({
    tier: z.string().nullable(),
    policy: z.string().nullable().describe('Kind and name, in words.'),
    profile: z.string().nullable(),
    rule: count.nullable().describe('Place of the rule in the list of the resource, from 0.'),
  })
  .meta({ id: 'PolicyDecision' });

export const policyStep = z
  .object({
    direction: policyDirection.describe('`egress`: of the source; `ingress`: of the destination.'),
    endpoint: z.string().nullable().describe('Whose policies are asked; null: nobody is asked.'),
    node: z.string().nullable().describe('Which node enforces it, or where nobody is asked; null: not known.'),
    enforcedHere: z.boolean(),
    verdict: z.enum(['allow', 'deny', 'unpoliced']).describe('`unpoliced`: nothing is asked, so it passes.'),
    by: policyDecision.nullable().describe('What decided; null: no policy or profile did.'),
    words: z.string().describe('Why, in a sentence.'),
    trail: z.array(z.string()).describe('Which policies and rules were looked at, and why they did not match.'),
  })
  .meta({ id: 'PolicyStep' });
export interface PolicyStep extends z.infer<typeof policyStep> {}

export const packetReport = z
  .object({
    version: z.union([z.literal(4), z.literal(6)]),
    protocol: z.string().describe('`tcp`, or the number of the protocol.'),
    sourcePort: count.nullable().describe('null: none was given.'),
    destinationPort: count.nullable(),
    icmp: z.object({ type: count, code: count }).nullable(),
  })
  .meta({ id: 'Packet' });

export const policyExplanation = z
  .object({
    packet: packetReport,
    source: packetEnd,
    destination: packetEnd,
    verdict: z.enum(['allow', 'deny']).describe('Of all steps together, for a new connection.'),
    words: z.string(),
    steps: z.array(policyStep).describe('In the order in which the packet meets them.'),
    notes: z.array(z.string()).describe('What to know beside, as that an address is ambiguous.'),
  })
  .meta({ id: 'PolicyExplanation' });
export interface PolicyExplanation extends z.infer<typeof policyExplanation> {}
