import { describe, expect, it } from 'vitest';
import { NaivePolicies } from '../../test/support/naive-policies.ts';
import { calicoPolicy, namespaceManifest, podManifest, resourceOf } from '../../test/support/policy-resources.ts';
import { decide } from './decide.ts';
import type { Decision, Packet } from './decide.ts';
import type { Layer } from './model.ts';
import type { Action } from './rule.ts';

const WEB = podManifest({ namespace: 'x', name: 'web', labels: { app: 'web' }, addresses: ['10.65.0.2'] });
const SLICE = {
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { namespace: 'x', name: 'dns-1', labels: { 'kubernetes.io/service-name': 'dns' } },
  addressType: 'IPv4',
  endpoints: [{ addresses: ['10.65.0.9'] }],
  ports: [
    { protocol: 'UDP', port: 5353 },
    { protocol: 'TCP', port: null },
  ],
};

const PACKET: Packet = {
  version: 4,
  source: '10.65.0.3',
  destination: '10.65.0.2',
  protocol: 6,
  sourcePort: 40_000,
  destinationPort: 80,
};

/** What becomes of a packet to Pod web of namespace x. */
function decided(
  policies: readonly object[],
  { layer = 'workload', packet = PACKET, up = true }: { layer?: Layer; packet?: Packet; up?: boolean } = {},
): Decision {
  const world = new NaivePolicies([namespaceManifest('x', {}), WEB, SLICE, ...policies].map(resourceOf));
  const endpoint = world.endpoints.get('Pod x/web') ?? { labels: {}, profiles: [] };
  const rules = { ...world.rulesOf(endpoint, 'ingress'), layer, up };
  return decide(rules, packet, {
    policy: (key) => world.policies.get(key),
    profile: (name) => world.profiles.get(name),
    sets: world.sets,
  });
}

const tier = (name: string, spec: object) => ({
  apiVersion: 'projectcalico.org/v3',
  kind: 'Tier',
  metadata: { name },
  spec,
});

describe('the decision on a packet', () => {
  it('is told in sentences', () => {
    const { verdict, by, trail, logs } = decided([
      tier('platform', { order: 1 }),
      calicoPolicy('first', {
        tier: 'platform',
        ingress: [
          { action: 'Allow', protocol: 'UDP' },
          { action: 'Log' },
          { action: 'Pass', source: { nets: ['10.65.0.0/24'] } },
        ],
      }),
      calicoPolicy(
        'second',
        {
          ingress: [
            { action: 'Allow', protocol: 'TCP', destination: { ports: [443, '8000:8080', 'https'] } },
            { action: 'Allow', source: { selector: "app == 'db'" } },
            { action: 'Allow', protocol: 'TCP', notProtocol: 'TCP' },
          ],
        },
        'x',
      ),
    ]);
    expect([verdict, by]).toEqual([
      'deny',
      { kind: 'end of tier', tier: 'default', policies: ['second/x/NetworkPolicy'] },
    ]);
    expect(logs).toEqual([{ kind: 'policy', tier: 'platform', policy: 'first//GlobalNetworkPolicy', rule: 1 }]);
    const second = 'Tier default, NetworkPolicy x/second, rule';
    expect(trail).toEqual([
      'Tier platform, GlobalNetworkPolicy first, rule 0 (Allow) does not match: the protocol is not udp.',
      'Tier platform, GlobalNetworkPolicy first, rule 1 (Log) matches.',
      'Tier platform, GlobalNetworkPolicy first, rule 2 (Pass) matches.',
      `${second} 0 (Allow) does not match: the destination port is not 443, 8000-8080, "https" of an endpoint with all().`,
      `${second} 1 (Allow) does not match: the source is not an endpoint with (projectcalico.org/namespace == "x" && app == "db").`,
      `${second} 2 (Allow) does not match: the protocol is tcp.`,
      'End of tier default: no rule of its policies matches, and its default action is Deny.',
    ]);
  });

  it.each([
    [{ destination: { notNets: ['10.65.0.0/24'] } }, 'the destination is in 10.65.0.0/24'],
    [{ source: { nets: ['10.0.0.0/32'] } }, 'the source is not in 10.0.0.0/32'],
    [{ ipVersion: 6 }, 'it is for IPv6 only'],
    [{ destination: { notSelector: "app == 'web'" } }, 'the destination is an endpoint with app == "web"'],
    [{ protocol: 'TCP', source: { notPorts: ['1024:65535'] } }, 'the source port is 1024-65535'],
    [{ protocol: 47 }, 'the protocol is not 47'],
    [{ destination: { services: { name: 'dns', namespace: 'x' } } }, 'the destination port is not of Service x/dns'],
  ])('says why %j does not match: %s', (rule, reason) => {
    const { trail } = decided([calicoPolicy('p', { ingress: [{ action: 'Allow', ...rule }] })]);
    expect(trail[0]).toBe(`Tier default, GlobalNetworkPolicy p, rule 0 (Allow) does not match: ${reason}.`);
  });

  it('knows where Services are served', () => {
    const services = { name: 'dns', namespace: 'x' };
    const to = calicoPolicy('p', { ingress: [{ action: 'Allow', destination: { services } }] });
    const from = calicoPolicy('p', { ingress: [{ action: 'Allow', source: { services } }] });
    const udp = { ...PACKET, destination: '10.65.0.9', protocol: 17, destinationPort: 5353 };
    expect(decided([to], { packet: udp }).verdict).toBe('allow');
    expect(decided([to], { packet: { ...udp, destinationPort: 53 } }).verdict).toBe('deny');
    expect(decided([to], { packet: { ...udp, protocol: 6 } }).verdict).toBe('deny');
    expect(decided([from], { packet: { ...PACKET, source: '10.65.0.9' } }).verdict).toBe('allow');
    expect(decided([from]).verdict).toBe('deny');
  });

  it('matches neither ports nor their absence where a packet has none', () => {
    const { destinationPort: _, ...packet } = PACKET;
    const rule = (destination: object) =>
      calicoPolicy('p', { ingress: [{ action: 'Allow', protocol: 'TCP', destination }] });
    expect(decided([rule({ ports: ['0:65535'] })], { packet }).verdict).toBe('deny');
    expect(decided([rule({ notPorts: [80] })], { packet }).verdict).toBe('allow');
  });

  it('is deny where the endpoint is down, and where no policy and no profile knows better', () => {
    expect(decided([], { up: false })).toMatchObject({ verdict: 'deny', by: { kind: 'down' } });
    expect(decided([]).by).toEqual({ kind: 'profile', profile: 'kns.x', rule: 0 });
  });

  const RULES = { id: 'i', layer: 'workload', direction: 'ingress', up: true, tiers: [], profiles: [] } as const;
  const every = (action: Action) => [{ index: 0, action, families: [4, 6], source: {}, destination: {} } as const];
  const PROFILES = new Map(
    (['Allow', 'Deny', 'Pass', 'Log'] as const).map((name) => [
      name,
      { name, ingress: every(name), egress: [], labels: {} },
    ]),
  );
  const of = {
    policy: () => undefined,
    profile: (name: string) => PROFILES.get(name as Action),
    sets: { hasAddress: () => false, hasPort: () => false },
  };

  it('is deny where a policy is not known', () => {
    const tiers = [{ name: 't', defaultAction: 'Pass', policies: ['p'] }] as const;
    expect(decide({ ...RULES, tiers, profiles: ['Allow'] }, PACKET, of)).toMatchObject({
      verdict: 'deny',
      by: { kind: 'end of tier', tier: 't' },
    });
  });

  it.each([
    [['Pass', 'Allow'], 'allow', { kind: 'profile', profile: 'Allow', rule: 0 }],
    [['Log', 'Deny', 'Allow'], 'deny', { kind: 'profile', profile: 'Deny', rule: 0 }],
    [['Pass', 'Log'], 'deny', { kind: 'nothing' }],
    [['Pass', 'gone', 'Allow'], 'deny', { kind: 'unknown profile', profile: 'gone' }],
  ] as const)('asks profiles %j one after the other', (profiles, verdict, by) => {
    expect(decide({ ...RULES, profiles }, PACKET, of)).toMatchObject({ verdict, by });
  });

  it('asks profiles of a host as of a workload, and no others', () => {
    expect(decide({ ...RULES, layer: 'host', profiles: ['Deny', 'Allow'] }, PACKET, of).verdict).toBe('deny');
    expect(decide({ ...RULES, layer: 'host' }, PACKET, of).verdict).toBe('deny');
    expect(decide({ ...RULES, layer: 'forward' }, PACKET, of).verdict).toBe('allow');
  });

  it.each([
    [{ type: 0 }, { type: 0, code: 0 }, 'allow'],
    [{ type: 0 }, { type: 8, code: 0 }, 'deny'],
    [{ type: 3, code: 0 }, { type: 3, code: 0 }, 'allow'],
    [{ type: 3, code: 0 }, { type: 3, code: 1 }, 'deny'],
  ])('takes type and code 0 of ICMP for what they are: %j of %j', (asked, icmp, verdict) => {
    const rule = { action: 'Allow', protocol: 'ICMP', icmp: asked };
    const packet = { ...PACKET, protocol: 1, icmp };
    expect(decided([calicoPolicy('p', { ingress: [rule] })], { packet }).verdict).toBe(verdict);
  });

  it('leaves to other layers what no policy decides in those that have no profiles', () => {
    const udp = calicoPolicy('p', { ingress: [{ action: 'Allow', protocol: 'UDP' }] });
    expect(decided([udp], { layer: 'untracked' })).toMatchObject({ verdict: 'allow', by: { kind: 'nothing' } });
    expect(decided([udp], { layer: 'preDNAT' })).toMatchObject({ verdict: 'allow', by: { kind: 'nothing' } });
    expect(decided([udp], { layer: 'forward' }).verdict).toBe('deny');
    expect(decided([], { layer: 'forward' }).verdict).toBe('allow');
  });
});
