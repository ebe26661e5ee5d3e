/** A family of NetworkPolicies: one, and what it becomes when a single part of it is another. */
import type { OraclePeer, OraclePolicy, OraclePort, OracleSelector } from './kubernetes-oracle.ts';

type Spec = OraclePolicy['spec'];

export interface FamilyStep {
  /** All policies that are there after the step. */
  readonly policies: readonly OraclePolicy[];
  /** Labels that differ from those of the topology, by `namespace` or `namespace/pod`. */
  readonly labels?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface FamilyCase {
  readonly name: string;
  readonly steps: readonly FamilyStep[];
}

type Side = 'ingress' | 'egress';

const SIDES: readonly Side[] = ['ingress', 'egress'];

const oneOf = (key: string, ...values: string[]): OracleSelector => ({
  matchExpressions: [{ key, operator: 'In', values }],
});

const DNS: OraclePort = { protocol: 'UDP', port: 53 };
const TCP_80: OraclePort = { protocol: 'TCP', port: 80 };

/** Pod a of x: TCP 80 from b and c of x and y, to a and b of y and z, and DNS. */
const BASE: Spec = {
  podSelector: { matchLabels: { pod: 'a' } },
  policyTypes: ['Ingress', 'Egress'],
  ingress: [
    { from: [{ namespaceSelector: oneOf('ns', 'x', 'y'), podSelector: oneOf('pod', 'b', 'c') }], ports: [TCP_80] },
  ],
  egress: [
    { to: [{ namespaceSelector: oneOf('ns', 'y', 'z'), podSelector: oneOf('pod', 'a', 'b') }], ports: [TCP_80] },
    { ports: [DNS] },
  ],
};

function policy(spec: Spec, name = 'base', namespace = 'x'): OraclePolicy {
  return { namespace, name, spec };
}

function single(name: string, spec: Spec, namespace = 'x'): FamilyCase {
  return { name, steps: [{ policies: [policy(spec, 'base', namespace)] }] };
}

/** The base with other peers, or other ports, in the first rule of a direction. */
function varied(side: Side, part: { peers?: readonly OraclePeer[]; ports?: readonly OraclePort[] }): Spec {
  const [first, ...rest] = BASE[side] ?? [];
  const { peers = first.from ?? first.to ?? [], ports = first.ports ?? [] } = part;
  return { ...BASE, [side]: [{ [side === 'ingress' ? 'from' : 'to']: peers, ports }, ...rest] };
}

const SELECTORS = (key: string, own: string, other: string): Readonly<Record<string, OracleSelector | undefined>> => ({
  none: undefined,
  all: {},
  label: { matchLabels: { [key]: own } },
  'two labels': { matchLabels: { [key]: own, none: 'such' } },
  in: oneOf(key, own, other),
  'not in': { matchExpressions: [{ key, operator: 'NotIn', values: [own] }] },
  exists: { matchExpressions: [{ key, operator: 'Exists' }] },
  'does not exist': { matchExpressions: [{ key, operator: 'DoesNotExist' }] },
  'label and not in': { matchLabels: { [key]: own }, matchExpressions: [{ key, operator: 'NotIn', values: [other] }] },
});

const BLOCKS: readonly NonNullable<OraclePeer['ipBlock']>[] = [
  { cidr: '10.65.0.0/28' },
  { cidr: '10.65.0.18/32' },
  { cidr: '10.65.0.0/24', except: ['10.65.0.16/28'] },
  { cidr: '0.0.0.0/0', except: ['10.65.0.2/32', '10.65.0.3/32', '10.65.0.32/28'] },
  { cidr: '192.0.2.0/24' },
];

function* peerCases(): Generator<FamilyCase> {
  for (const side of SIDES) {
    yield single(`${side} of no peers`, varied(side, { peers: [] }));
    for (const [pods, podSelector] of Object.entries(SELECTORS('pod', 'b', 'c'))) {
      for (const [spaces, namespaceSelector] of Object.entries(SELECTORS('ns', 'y', 'z'))) {
        if (podSelector === undefined && namespaceSelector === undefined) continue;
        const peer = { ...(podSelector && { podSelector }), ...(namespaceSelector && { namespaceSelector }) };
        yield single(`${side}, pods ${pods}, namespaces ${spaces}`, varied(side, { peers: [peer] }));
      }
    }
    for (const ipBlock of BLOCKS)
      yield single(`${side} of ${JSON.stringify(ipBlock)}`, varied(side, { peers: [{ ipBlock }] }));
    const peers = [
      { podSelector: { matchLabels: { pod: 'b' } } },
      { ipBlock: BLOCKS[1] },
      { namespaceSelector: oneOf('ns', 'z') },
    ];
    yield single(`${side} of several peers`, varied(side, { peers }));
  }
}

const PORT_LISTS: readonly (readonly OraclePort[])[] = [
  [],
  [{}],
  [{ port: 81 }],
  [{ port: 'serve-81-tcp' }],
  [{ port: 'serve-80-udp' }],
  [{ port: 'none-such' }],
  [{ port: 79, endPort: 81 }],
  [{ port: 81, endPort: 90 }],
  [TCP_80, { port: 81 }],
  [{ port: 'serve-80-tcp' }, { port: 81 }],
  [TCP_80, {}],
  ...['UDP', 'SCTP'].flatMap((protocol): OraclePort[][] => [
    [{ protocol }],
    [{ protocol, port: 80 }],
    [{ protocol, port: `serve-81-${protocol.toLowerCase()}` }],
    [{ protocol, port: 'serve-81-tcp' }],
    [{ protocol, port: 80, endPort: 81 }],
    [TCP_80, { protocol, port: 81 }],
    [{ protocol, port: 80 }, { protocol }],
  ]),
  [TCP_80, { protocol: 'UDP', port: 80 }, { protocol: 'SCTP', port: 80 }],
];

function* portCases(): Generator<FamilyCase> {
  for (const side of SIDES) {
    for (const ports of PORT_LISTS) yield single(`${side} to ${JSON.stringify(ports)}`, varied(side, { ports }));
    yield single(`${side} to any port of anybody`, varied(side, { peers: [], ports: [] }));
  }
}

function* targetCases(): Generator<FamilyCase> {
  for (const [words, podSelector = {}] of Object.entries(SELECTORS('pod', 'a', 'b'))) {
    yield single(`for pods ${words}`, { ...BASE, podSelector });
  }
  for (const namespace of ['y', 'z']) yield single(`in namespace ${namespace}`, BASE, namespace);
  for (const policyTypes of [undefined, ['Ingress'], ['Egress']]) {
    const { policyTypes: _, ...rest } = BASE;
    yield single(
      `of types ${policyTypes?.join() ?? 'not given'}`,
      policyTypes === undefined ? rest : { ...rest, policyTypes },
    );
  }
  for (const side of SIDES) {
    yield single(`without rules for ${side}`, { ...BASE, [side]: [] });
    yield single(`with a rule that allows all of ${side}`, { ...BASE, [side]: [{}] });
    yield single(`with two rules for ${side}`, {
      ...BASE,
      [side]: [...(BASE[side] ?? []), { ports: [{ protocol: 'SCTP', port: 81 }] }],
    });
  }
}

function* conflictCases(): Generator<FamilyCase> {
  for (const side of SIDES) {
    const type = side === 'ingress' ? 'Ingress' : 'Egress';
    const all: Spec = { podSelector: {}, policyTypes: [type], [side]: [{}] };
    const none: Spec = { podSelector: {}, policyTypes: [type], [side]: [] };
    const ofAll = [{ namespaceSelector: {} }];
    const fromPods: Spec = {
      podSelector: {},
      policyTypes: [type],
      [side]: [{ [side === 'ingress' ? 'from' : 'to']: ofAll }],
    };
    const pairs = {
      'all and none': [all, none],
      'base and none': [BASE, none],
      'base and all': [BASE, all],
      'none and pods': [none, fromPods],
    };
    for (const [words, specs] of Object.entries(pairs)) {
      yield { name: `${side}: ${words}`, steps: [{ policies: specs.map((spec, i) => policy(spec, `p${i}`)) }] };
    }
    yield {
      name: `${side}: denied at the other end`,
      steps: [
        {
          policies: [policy(all, 'all'), policy({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] }, 'none', 'y')],
        },
      ],
    };
  }
}

function* actionCases(): Generator<FamilyCase> {
  const base = policy(BASE);
  const open = policy(varied('ingress', { peers: [], ports: [] }));
  yield { name: 'created and deleted', steps: [{ policies: [base] }, { policies: [] }] };
  yield { name: 'changed', steps: [{ policies: [base] }, { policies: [open] }, { policies: [base] }] };
  yield {
    name: 'another is created and deleted',
    steps: [[base], [base, policy(open.spec, 'open')], [base]].map((policies) => ({ policies })),
  };
  for (const [name, labels] of Object.entries({
    'a peer gets other labels': { 'y/b': { pod: 'd' } },
    'a pod becomes a peer': { 'y/a': { pod: 'b' } },
    'the pod gets other labels': { 'x/a': { pod: 'other' } },
    'another pod gets its labels': { 'x/c': { pod: 'a' } },
    'a namespace gets other labels': { y: { ns: 'other' } },
    'a namespace becomes one of a peer': { z: { ns: 'x' } },
  })) {
    yield { name, steps: [{ policies: [base] }, { policies: [base], labels }, { policies: [base] }] };
  }
}

export const FAMILY: readonly FamilyCase[] = [
  ...peerCases(),
  ...portCases(),
  ...targetCases(),
  ...conflictCases(),
  ...actionCases(),
];
