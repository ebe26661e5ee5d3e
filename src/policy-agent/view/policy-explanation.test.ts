import { describe, expect, it } from 'vitest';
import { calico, letIn, namespace, pod } from '../../../test/support/policy-manifests.ts';
import { policyExplanation } from '../../api/agent-types.ts';
import type { PolicyExplanation } from '../../api/agent-types.ts';
import type { PolicyQuestion } from '../../api/agent-view.ts';
import { PolicyEngine } from '../../policy/policy-engine.ts';
import type { AnyResource } from '../../resources/kinds.ts';
import { explainPacket } from './policy-explanation.ts';

/** Of node n1. */
const INTERFACES = [
  { name: 'lo', addresses: ['127.0.0.1', '::1'] },
  { name: 'eth0', addresses: ['192.0.2.1', '2001:db8::1'] },
];

const CLUSTER = [
  namespace('x', { team: 'a' }),
  pod('x/web', { labels: { app: 'web' }, ips: ['10.65.0.1', 'fd00::1'] }),
  pod('x/db', { labels: { app: 'db' }, ips: ['10.65.0.2'] }),
  pod('x/far', { labels: { app: 'far' }, ips: ['10.65.9.1', 'fd00::9'], node: 'n2' }),
];

const ONLY_WEB = letIn('only-web', "app == 'db'", "app == 'web'");

function explain(
  resources: readonly AnyResource[],
  source: string,
  destination: string,
  more: Partial<PolicyQuestion> = { protocol: 6, destinationPort: 80 },
): PolicyExplanation {
  const engine = new PolicyEngine({ node: 'n1' });
  engine.snapshot([...CLUSTER, ...resources]);
  engine.setInterfaces(INTERFACES);
  engine.take();
  const inputs = { node: 'n1', engine, interfaces: INTERFACES };
  const answer = explainPacket(inputs, { source, destination, protocol: 6, ...more });
  expect(policyExplanation.strict().parse(answer)).toEqual(answer);
  return answer;
}

/** Each step in a line. */
function steps({ verdict, steps: all }: PolicyExplanation): string[] {
  return [
    verdict,
    ...all.map(({ direction, endpoint, node, verdict: one, words }) => {
      return `${direction} of ${endpoint ?? '-'} on ${node ?? '-'}: ${one}. ${words}`;
    }),
  ];
}

const EGRESS_OPEN = (name: string, node: string) =>
  `egress of ${name} on ${node}: allow. Profile kns.x allows it by its rule egress[0].`;

describe('explanation of a packet between workloads', () => {
  it('asks the egress of the source, then the ingress of the destination', () => {
    const answer = explain([ONLY_WEB], 'x/web', '10.65.0.2');
    expect(steps(answer)).toEqual([
      'allow',
      EGRESS_OPEN('x/web', 'n1'),
      'ingress of x/db on n1: allow. GlobalNetworkPolicy only-web of tier default allows it by its rule ingress[0].',
    ]);
    expect(answer).toMatchObject({
      words: 'the egress of x/web and the ingress of x/db allow it.',
      packet: { version: 4, protocol: 'tcp', destinationPort: 80, sourcePort: null, icmp: null },
      source: { address: '10.65.0.1', endpoint: { key: 'Pod x/web', node: 'n1' }, host: false },
      notes: [],
    });
    expect(answer.source.words).toMatch(/^10\.65\.0\.1, workload x\/web on this node at cali/);
    expect(answer.steps[1]).toMatchObject({
      enforcedHere: true,
      by: { tier: 'default', policy: 'GlobalNetworkPolicy only-web', profile: null, rule: 0 },
      trail: [expect.stringContaining('rule 0 (Allow) matches')],
    });
  });

  it('answers for endpoints of other nodes, too', () => {
    const answer = explain([ONLY_WEB], 'x/far', 'x/db');
    expect(steps(answer)).toEqual([
      'deny',
      EGRESS_OPEN('x/far', 'n2'),
      'ingress of x/db on n1: deny. No rule of GlobalNetworkPolicy only-web matches, and tier default ends with Deny.',
    ]);
    expect(answer.steps.map(({ enforcedHere }) => enforcedHere)).toEqual([false, true]);
    expect(answer.words).toBe('the ingress of x/db denies it.');
    expect(steps(explain([letIn('p', "app == 'far'", "app == 'db'")], 'x/web', 'x/far'))[2]).toMatch(
      /^ingress of x\/far on n2: deny/,
    );
  });

  it('takes a workload by its interface, and the version of IP that both have', () => {
    const inputs = explain([], 'x/web', 'x/db');
    const name = inputs.source.endpoint?.interface ?? '';
    expect(explain([], name, 'x/far').source.endpoint?.key).toBe('Pod x/web');
    expect(explain([], 'x/web', 'fd00:0::9').packet.version).toBe(6);
    expect(() => explain([], 'x/db', 'fd00::9')).toThrow('have no addresses of the same version of IP');
    expect(() => explain([], 'fe80::1%eth0', 'x/db')).toThrow('name a link-local address without its interface');
    expect(() => explain([], 'x/nobody', 'x/db')).toThrow('there is no endpoint x/nobody: name an address');
    expect(() => explain([pod('x/new')], 'x/new', 'x/db')).toThrow('x/new has no address');
  });

  it('means an echo request of the right protocol by ICMP', () => {
    const six = { protocol: 1 };
    expect(explain([], 'x/web', 'fd00::9', six).packet).toMatchObject({
      protocol: 'icmpv6',
      icmp: { type: 128, code: 0 },
    });
    expect(explain([], 'x/web', 'x/db', { protocol: 58 }).packet).toMatchObject({
      protocol: 'icmp',
      icmp: { type: 8 },
    });
  });

  it('says which profile is missing, and what is encapsulated by a workload', () => {
    const lost = calico('WorkloadEndpoint', 'x/n1-k8s-lost-eth0', {
      node: 'n1',
      orchestrator: 'k8s',
      pod: 'lost',
      endpoint: 'eth0',
      interfaceName: 'cali9',
      ipNetworks: ['10.65.0.7/32'],
      profiles: ['gone'],
    });
    expect(steps(explain([lost], 'x/web', '10.65.0.7'))[2]).toBe(
      'ingress of x/lost on n1: deny. Its profile gone does not exist, so nothing passes.',
    );
    expect(steps(explain([], 'x/web', 'x/db', { protocol: 17, destinationPort: 4789 }))[1]).toBe(
      'egress of x/web on n1: deny. Workloads must not send VXLAN themselves.',
    );
  });

  it('says that an address is ambiguous, and which network sets it is in', () => {
    const twin = pod('x/twin', { ips: ['10.65.0.2'], node: 'n2' });
    const set = calico('GlobalNetworkSet', 'pods', { nets: ['10.65.0.0/16'] });
    const answer = explain([twin, set], 'x/web', '10.65.0.2');
    expect(answer.notes).toEqual([
      '10.65.0.2 is ambiguous: Pod x/twin has it, too; what is said here is about Pod x/db.',
    ]);
    expect(answer.destination.sets).toEqual(['GlobalNetworkSet pods']);
    expect(() => explain([set], 'x/web', 'pods')).toThrow('pods is a network set: name an address in it');
  });
});

describe('explanation of a packet that nobody polices', () => {
  it('says so of what a host sends to its own workloads', () => {
    const closed = letIn('none', "app == 'db'", "app == 'nobody'");
    expect(steps(explain([closed], '192.0.2.1', 'x/db'))).toEqual([
      'allow',
      'ingress of x/db on n1: unpoliced. What a host sends to its own workloads is never policed.',
    ]);
    expect(explain([closed], '192.0.2.1', 'x/db').words).toBe('no policy is asked.');
    expect(steps(explain([], '192.0.2.1', 'x/far'))[1]).toContain('No HostEndpoint is for the interface');
  });

  it('says so of addresses that nobody knows, and of a workload that talks to itself', () => {
    const answer = explain([], '198.51.100.1', '198.51.100.2');
    expect([answer.verdict, answer.steps, answer.words]).toEqual([
      'allow',
      [],
      'neither end is an endpoint that is known, so no policy is asked.',
    ]);
    expect(answer.source.words).toBe('198.51.100.1, of no endpoint that is known');
    expect(steps(explain([], 'x/web', 'x/web'))[1]).toContain('does not leave the endpoint');
  });
});

describe('explanation of a packet that is closed', () => {
  it('names an interface that no workload is known at', () => {
    const answer = explain([], 'cali0000', 'x/db');
    expect(steps(answer)).toEqual([
      'deny',
      "egress of - on n1: deny. Interface cali0000 has the name of a workload's, and no workload is known at it: nothing passes.",
    ]);
    expect(answer.words).toBe('node n1 denies it.');
    expect(answer.source).toMatchObject({ address: null, words: 'interface cali0000, at which no workload is known' });
    expect(steps(explain([], 'x/db', 'cali0000'))[1]).toMatch(/^ingress of - on n1: deny/);
  });

  it('drops what a workload sends to its host, unless settings say otherwise', () => {
    const drop = calico('FelixConfiguration', 'default', { defaultEndpointToHostAction: 'Drop' });
    expect(steps(explain([drop], 'x/web', '192.0.2.1'))).toEqual([
      'deny',
      EGRESS_OPEN('x/web', 'n1'),
      'ingress of - on n1: deny. What workloads send to their host is dropped (defaultEndpointToHostAction).',
    ]);
    const accept = calico('FelixConfiguration', 'default', { defaultEndpointToHostAction: 'Accept' });
    expect(steps(explain([accept], 'x/web', '192.0.2.1'))).toEqual(['allow', EGRESS_OPEN('x/web', 'n1')]);
    const solicitation = { protocol: 58, icmp: { type: 135, code: 0 } };
    expect(steps(explain([drop], 'x/web', '2001:db8::1', solicitation))[1]).toContain("workloads' neighbour discovery");
  });
});

describe('explanation of a packet from or to a host', () => {
  const HOST = calico('HostEndpoint', 'n1-eth0', { node: 'n1', expectedIPs: ['192.0.2.1'] });
  const OTHER = calico('HostEndpoint', 'n2-eth0', { node: 'n2', interfaceName: 'eth0', expectedIPs: ['192.0.2.2'] });

  it('asks its HostEndpoint, failsafes first', () => {
    expect(steps(explain([HOST], '198.51.100.1', '192.0.2.1'))).toEqual([
      'deny',
      'ingress of n1-eth0 on n1: deny. No policy and no profile lets it pass.',
    ]);
    const ssh = { protocol: 6, destinationPort: 22 };
    expect(steps(explain([HOST], '198.51.100.1', 'n1-eth0', ssh))).toEqual([
      'allow',
      'ingress of n1-eth0 on n1: allow. A failsafe port passes at every HostEndpoint.',
    ]);
    expect(explain([HOST], '198.51.100.1', 'eth0').destination).toMatchObject({
      address: '192.0.2.1',
      host: true,
      words: '192.0.2.1, n1 itself, HostEndpoint n1-eth0 on this node',
    });
  });

  it('asks those of other nodes, but not where they talk to their own workloads', () => {
    expect(steps(explain([OTHER], 'x/web', '192.0.2.2'))[2]).toMatch(/^ingress of n2-eth0 on n2: deny/);
    expect(steps(explain([OTHER], '192.0.2.2', 'x/far'))[1]).toMatch(/^ingress of x\/far on n2: unpoliced/);
    expect(steps(explain([OTHER], '192.0.2.2', 'x/db'))[1]).toMatch(/^egress of n2-eth0 on n2: deny/);
  });

  it('asks policies before connection tracking and translation first', () => {
    const early = (name: string, action: string, more: object) =>
      calico('GlobalNetworkPolicy', name, {
        selector: 'has(early)',
        applyOnForward: true,
        types: ['Ingress'],
        ingress: [{ action, protocol: 'TCP', destination: { ports: [80] } }],
        ...more,
      });
    const host = calico('HostEndpoint', 'n1-eth0', { node: 'n1', interfaceName: 'eth0' }, { early: '1' });
    const ask = (...policies: readonly AnyResource[]) => steps(explain([host, ...policies], '198.51.100.1', 'eth0'))[1];
    const untracked = early('raw', 'Allow', { doNotTrack: true });
    expect(ask(untracked)).toBe(
      'ingress of n1-eth0 on n1: allow. GlobalNetworkPolicy raw of tier default allows it by its rule ingress[0].',
    );
    expect(ask(early('dnat', 'Deny', { preDNAT: true }))).toContain('deny. GlobalNetworkPolicy dnat of tier default');
    // What is allowed before translation is asked the rest nevertheless.
    expect(ask(early('dnat', 'Allow', { preDNAT: true }))).toContain('deny. No policy and no profile lets it pass.');
    expect(explain([host, untracked], '198.51.100.1', 'x/db').notes).toEqual([
      expect.stringMatching(/^Where it comes in at eth0, .* before connection tracking \(doNotTrack\): .* allows it/),
    ]);
  });

  it('notes what policies for forwarded packets would say, and why an endpoint is not enforced', () => {
    const forward = calico('GlobalNetworkPolicy', 'fence', {
      selector: 'has(fenced)',
      applyOnForward: true,
      types: ['Ingress'],
      ingress: [{ action: 'Deny' }],
    });
    const fenced = calico('HostEndpoint', 'n1-eth0', { node: 'n1', interfaceName: 'eth0' }, { fenced: '1' });
    expect(explain([fenced, forward], '198.51.100.1', 'x/db').notes).toEqual([
      'Where it comes in at eth0, HostEndpoint n1-eth0 asks its policies for forwarded packets (applyOnForward): GlobalNetworkPolicy fence of tier default denies it by its rule ingress[0].',
    ]);
    const second = calico('HostEndpoint', 'z', { node: 'n1', interfaceName: 'eth0', expectedIPs: ['192.0.2.1'] });
    expect(explain([HOST, second], '198.51.100.1', 'z').notes).toEqual([
      expect.stringMatching(/^HostEndpoint z: interface eth0 belongs to HostEndpoint n1-eth0, so this one is not/),
    ]);
  });
});
