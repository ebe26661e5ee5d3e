/** What an agent of a small cluster says: two policies, two endpoints, and a packet between them. */
import type {
  AgentStatusReport,
  EndpointReport,
  EndpointRulesReport,
  PolicyExplanation,
  PolicyReport,
} from '../../src/api/agent-types.ts';
import { toPastTimestamp } from '../../src/api/timestamps.ts';
import { HEALTHY, NOW } from './fake-status.ts';

export const AGENT_HEALTHY: AgentStatusReport = {
  node: 'node-1',
  version: '0.1.0',
  started: HEALTHY.started,
  configLoaded: true,
  ruleset: {
    table: 'inet starling_policy',
    inSync: true,
    appliedAt: toPastTimestamp(NOW - 5_000, NOW),
    lastError: null,
  },
  totals: {
    policies: 3,
    activePolicies: 2,
    tiers: 4,
    profiles: 6,
    endpoints: 120,
    localWorkloads: 2,
    localHosts: 1,
    sets: 4,
    members: 31,
  },
  datastore: HEALTHY.datastore,
  problems: [],
};

const DEFAULT_TIER = { name: 'default', exists: true, order: 1_000_000, defaultAction: 'Deny' } as const;

export function policy(name: string, more: Partial<PolicyReport> = {}): PolicyReport {
  return {
    kind: 'NetworkPolicy',
    namespace: 'shop',
    name,
    tier: DEFAULT_TIER,
    order: null,
    scope: 'normal',
    selector: 'app == "web" && projectcalico.org/namespace == "shop"',
    directions: ['ingress'],
    rules: { ingress: 2, egress: 0 },
    endpoints: 1,
    problems: [],
    ...more,
  };
}

export const POLICIES: readonly PolicyReport[] = [
  policy('baseline', {
    kind: 'GlobalNetworkPolicy',
    namespace: null,
    tier: { name: 'security', exists: true, order: 100, defaultAction: 'Pass' },
    order: 10,
    selector: 'all()',
    directions: ['ingress', 'egress'],
    endpoints: 3,
  }),
  policy('web', {
    problems: [
      { path: 'spec.ingress[0].http', message: 'http is not enforced; the rule matches nothing', severity: 'warning' },
    ],
  }),
];

function rules(direction: 'ingress' | 'egress', more: Partial<EndpointRulesReport> = {}): EndpointRulesReport {
  return {
    layer: 'workload',
    direction,
    tiers: [{ name: 'default', defaultAction: 'Deny', policies: ['shop/web', 'shop/api', 'shop/db', 'shop/all'] }],
    profiles: [{ name: 'kns.shop', exists: true }],
    words: '4 policies in 1 tier.',
    ...more,
  };
}

export const WEB: EndpointReport = {
  key: 'Pod shop/web-1',
  kind: 'workload',
  name: 'shop/web-1',
  namespace: 'shop',
  node: 'node-1',
  local: { interface: 'cali1', up: true, problem: null },
  addresses: ['10.65.0.2', 'fd00::2'],
  ports: [{ name: 'http', protocol: 'tcp', port: 8080 }],
  labels: { own: { app: 'web' }, inherited: { 'pcns.team': 'a' } },
  profiles: [
    { name: 'kns.shop', exists: true },
    { name: 'ksa.shop.web', exists: false },
  ],
  rules: [rules('ingress'), rules('egress', { tiers: [], words: 'No policy is for it.' })],
};

export const REMOTE: EndpointReport = {
  ...WEB,
  key: 'Pod shop/client',
  name: 'shop/client',
  node: 'node-2',
  local: null,
  addresses: ['10.65.1.7'],
  ports: [],
  rules: null,
};

export const PACKET_EXPLANATION: PolicyExplanation = {
  packet: { version: 4, protocol: 'tcp', sourcePort: null, destinationPort: 80, icmp: null },
  source: {
    query: '10.65.1.7',
    address: '10.65.1.7',
    endpoint: { key: REMOTE.key, kind: 'workload', name: REMOTE.name, node: 'node-2', interface: null },
    host: false,
    sets: ['GlobalNetworkSet pods'],
    words: '10.65.1.7, workload shop/client on node-2',
  },
  destination: {
    query: 'shop/web-1',
    address: '10.65.0.2',
    endpoint: { key: WEB.key, kind: 'workload', name: WEB.name, node: 'node-1', interface: 'cali1' },
    host: false,
    sets: [],
    words: '10.65.0.2, workload shop/web-1 on this node at cali1',
  },
  verdict: 'deny',
  words: 'the ingress of shop/web-1 denies it.',
  steps: [
    {
      direction: 'egress',
      endpoint: 'shop/client',
      node: 'node-2',
      enforcedHere: false,
      verdict: 'allow',
      by: { tier: null, policy: null, profile: 'kns.shop', rule: 0 },
      words: 'Profile kns.shop allows it by its rule egress[0].',
      trail: ['Profile kns.shop, rule 0 (Allow) matches.'],
    },
    {
      direction: 'ingress',
      endpoint: 'shop/web-1',
      node: 'node-1',
      enforcedHere: true,
      verdict: 'deny',
      by: { tier: 'default', policy: null, profile: null, rule: null },
      words: 'Tier default ends with Deny.',
      trail: ['Tier default, NetworkPolicy shop/web, rule 0 (Allow) does not match: the protocol is not UDP.'],
    },
  ],
  notes: [
    'shop/client is on node-2: what is told of it is what the datastore says, not what that node has in its kernel.',
  ],
};
