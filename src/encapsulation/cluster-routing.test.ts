import { describe, expect, it } from 'vitest';
import { KernelProgramming } from '../fib/programming.ts';
import { formatPrefix, parsePrefix } from '../net/prefix.ts';
import { clusterView } from '../resources/cluster-view.ts';
import type { AnyResource } from '../resources/kinds.ts';
import { parseResource } from '../resources/parse-resource.ts';
import { clusterRouting } from './cluster-routing.ts';
import type { ClusterRouting, ClusterRoutingOptions } from './cluster-routing.ts';

type Fields = Readonly<Record<string, unknown>>;

function resource(kind: string, name: string, spec: Fields, status?: Fields): AnyResource {
  const result = parseResource({ apiVersion: 'projectcalico.org/v3', kind, metadata: { name }, spec, status });
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.resource;
}

const pool = (name: string, cidr: string, modes: Fields = {}) => resource('IPPool', name, { cidr, ...modes });
const bgp = (spec: Fields) => resource('BGPConfiguration', 'default', spec);
const felix = (spec: Fields, name = 'default') => resource('FelixConfiguration', name, spec);
const version = (calicoVersion: string) => resource('ClusterInformation', 'default', { calicoVersion });
const block = (cidr: string, spec: Fields = {}) =>
  resource('BlockAffinity', `b-${cidr.replaceAll(/[.:/]/g, '-')}`, { node: 'n1', state: 'confirmed', cidr, ...spec });

function routing(resources: readonly AnyResource[], options: Partial<ClusterRoutingOptions> = {}): ClusterRouting {
  return clusterRouting(clusterView(resources), { name: 'n1' }, { felix: 'auto', ...options });
}

const VXLAN = pool('vxlan', '10.1.0.0/16', { vxlanMode: 'Always' });
const IPIP = pool('ipip', '10.2.0.0/16', { ipipMode: 'Always' });
const PLAIN = pool('plain', '10.3.0.0/16');
const POOLS = [VXLAN, IPIP, PLAIN];
const NODE = resource('Node', 'n1', { bgp: { ipv4Address: '192.0.2.1/24', ipv6Address: '2001:db8::1/64' } });

/** What `programClusterRoutes` should be, on either side, as a problem says it. */
const ADVICE = /Set programClusterRoutes to (\w+) in BGP.*, or to (\w+) in Felix/;

/** Verdicts of the rules; on the three pools in the order of their names: ipip, plain, vxlan. */
function verdictsOf({ rules }: ClusterRouting): string {
  return rules.map(({ verdict }) => verdict).join(' ');
}

/** Resource and field of the problems. */
function named({ problems }: ClusterRouting): string[] {
  return problems.map(({ resource, field }) => `${resource}: ${field}`);
}

describe('who programs what, with Felix', () => {
  const VALUES = ['unset', 'Disabled', 'EnabledIPIPOnly', 'EnabledNoEncapOnly', 'Enabled'] as const;
  /** Calico's table of values: the kinds of pools a side programs. */
  const KINDS: Readonly<Record<string, string>> = {
    Disabled: '',
    EnabledIPIPOnly: 'ipip',
    EnabledNoEncapOnly: 'plain',
    Enabled: 'ipip plain',
  };
  const VERSIONS = [
    { calico: 'v3.33.0', bgpDefault: 'EnabledNoEncapOnly', felixDefault: 'EnabledIPIPOnly' },
    { calico: 'v3.33.0-0.dev-612-gabc', bgpDefault: 'EnabledNoEncapOnly', felixDefault: 'EnabledIPIPOnly' },
    { calico: 'v4.0.1', bgpDefault: 'EnabledNoEncapOnly', felixDefault: 'EnabledIPIPOnly' },
    { calico: 'v3.32.1', bgpDefault: 'Enabled', felixDefault: 'Disabled' },
    { calico: 'v3.9.6', bgpDefault: 'Enabled', felixDefault: 'Disabled' },
    { calico: 'master', bgpDefault: 'Enabled', felixDefault: 'Disabled' },
    { calico: undefined, bgpDefault: 'Enabled', felixDefault: 'Disabled' },
  ];
  const PAIRS = VALUES.flatMap((bgpValue) => VALUES.map((felixValue) => ({ bgpValue, felixValue })));
  const field = (value: string) => (value === 'unset' ? {} : { programClusterRoutes: value });
  const cluster = (calico: string | undefined) => [...POOLS, ...(calico === undefined ? [] : [version(calico)])];

  it.each(VERSIONS)('Calico $calico: each pair of settings', ({ calico, bgpDefault, felixDefault }) => {
    for (const { bgpValue, felixValue } of PAIRS) {
      const pair = `BGP ${bgpValue}, Felix ${felixValue}`;
      const result = routing([...cluster(calico), bgp(field(bgpValue)), felix(field(felixValue))]);
      const ours = KINDS[bgpValue === 'unset' ? bgpDefault : bgpValue];
      const theirs = KINDS[felixValue === 'unset' ? felixDefault : felixValue];
      const verdict = (kind: string) => (ours.includes(kind) ? kind : 'reject');
      expect(`${pair}: ${verdictsOf(result)}`).toBe(`${pair}: ${verdict('ipip')} ${verdict('plain')} reject`);

      const wrong = ['ipip', 'plain'].filter((kind) => ours.includes(kind) === theirs.includes(kind));
      const start = (kind: string) => (ours.includes(kind) ? 'Starling and Felix both program' : 'Nobody programs');
      const what = (kind: string) =>
        kind === 'ipip' ? 'IPIP pools ("ipip")' : 'pools without encapsulation ("plain")';
      const messages = wrong.map((kind) => `${start(kind)} the routes of ${what(kind)}: `);
      expect(result.problems).toMatchObject(
        messages.map((message) => ({
          resource: 'BGPConfiguration default',
          field: 'programClusterRoutes',
          message: expect.stringContaining(message) as string,
        })),
      );
    }
  });

  it.each(VERSIONS)('Calico $calico: following the advice on either side settles it', ({ calico }) => {
    const others = cluster(calico);
    for (const { bgpValue, felixValue } of PAIRS) {
      const sides = { bgp: bgp(field(bgpValue)), felix: felix(field(felixValue)) };
      for (const { message } of routing([...others, sides.bgp, sides.felix]).problems) {
        const [, forBgp, forFelix] = ADVICE.exec(message) ?? [];
        expect(routing([...others, bgp(field(forBgp)), sides.felix]).problems).toEqual([]);
        expect(routing([...others, sides.bgp, felix(field(forFelix))]).problems).toEqual([]);
      }
    }
  });

  it('counts an object for the node before the one for all, field by field', () => {
    const all = felix({ programClusterRoutes: 'Enabled', wireguardEnabled: true });
    const own = felix({ programClusterRoutes: 'Disabled' }, 'node.n1');
    expect(verdictsOf(routing([...POOLS, all, own]))).toBe('ipip plain reject');
    expect(verdictsOf(routing([...POOLS, bgp({ programClusterRoutes: 'Disabled' }), all]))).toBe(
      'reject reject reject',
    );
    expect(verdictsOf(routing([...POOLS, all, felix({ programClusterRoutes: 'Disabled' }, 'node.n2')]))).toBe(
      'ipip plain reject',
    );
  });

  it('takes a value of Felix that is not known for unset, as Felix does', () => {
    const result = routing([...POOLS, version('v3.33.0'), felix({ programClusterRoutes: 'EnabledVXLANOnly' })]);
    expect(verdictsOf(result)).toBe('reject plain reject');
    expect(result.problems).toEqual([]);
  });

  it('says who and why', () => {
    expect(routing([...POOLS, version('v3.33.0'), felix({})]).words).toBe(
      'Felix programs the routes of VXLAN pools: there is FelixConfiguration "default", so there is Felix. ' +
        'Felix programs the routes of IPIP pools: programClusterRoutes of FelixConfiguration is not set, and in Calico v3.33.0 Felix programs only VXLAN and IPIP pools by default. ' +
        'Starling programs the routes of pools without encapsulation: programClusterRoutes of BGPConfiguration is not set, and in Calico v3.33.0 BGP programs only unencapsulated pools by default.',
    );
    expect(routing([IPIP, felix({}, 'node.n1')]).words).toBe(
      'Starling programs the routes of IPIP pools: programClusterRoutes of BGPConfiguration is not set, and in Calico up to v3.32 (its version is not known) BGP programs all but VXLAN pools by default.',
    );
    expect(routing([felix({})]).words).toBe('Starling programs all routes: there is no IPPool.');
  });

  it('names VXLAN and IPIP that Felix is told not to do', () => {
    const off = felix({ vxlanEnabled: false, ipipEnabled: false, programClusterRoutes: 'EnabledIPIPOnly' }, 'node.n1');
    const result = routing([...POOLS, version('v3.33.0'), off, NODE]);
    expect(verdictsOf(result)).toBe('reject plain reject');
    expect(result.vxlan).toEqual([]);
    expect(result.problems).toEqual([
      {
        resource: 'FelixConfiguration node.n1',
        field: 'vxlanEnabled',
        message:
          'Nobody programs the routes of VXLAN pools ("vxlan"): FelixConfiguration "node.n1" has vxlanEnabled: false. This node can\'t reach their addresses on other nodes. Set it to true, or leave it out.',
      },
      {
        resource: 'FelixConfiguration node.n1',
        field: 'ipipEnabled',
        message:
          'Nobody programs the routes of IPIP pools ("ipip"): programClusterRoutes of BGPConfiguration is not set, and in Calico v3.33.0 BGP programs only unencapsulated pools by default; FelixConfiguration "node.n1" has ipipEnabled: false. This node can\'t reach their addresses on other nodes. Leave ipipEnabled out, so that Felix sets up tunl0.',
      },
    ]);
  });

  it('names IPIP of its own where Felix is told not to set up tunl0', () => {
    const result = routing([IPIP, felix({ ipipEnabled: false })]);
    expect(verdictsOf(result)).toBe('ipip');
    expect(named(result)).toEqual(['IPPool ipip: ipipMode']);
    expect(routing([IPIP, felix({ ipipEnabled: true })]).problems).toEqual([]);
  });
});

describe('who programs what, without Felix', () => {
  const NO_FELIX = 'there is no FelixConfiguration "default" or "node.n1", so no Felix';

  it.each([
    [undefined, 'ipip plain vxlan', []],
    ['Enabled', 'ipip plain vxlan', []],
    ['Disabled', 'reject reject vxlan', ['Enabled', 'Enabled']],
    ['EnabledIPIPOnly', 'ipip reject vxlan', ['Enabled']],
    ['EnabledNoEncapOnly', 'reject plain vxlan', ['Enabled']],
  ])('programClusterRoutes %s: %s', (programClusterRoutes, verdicts, advice) => {
    const settings = bgp(programClusterRoutes === undefined ? {} : { programClusterRoutes });
    for (const calico of ['v3.31.0', 'v3.33.0']) {
      const resources = [...POOLS, NODE, version(calico), settings];
      const result = routing(resources, { tunl0: true });
      expect(verdictsOf(result)).toBe(verdicts);
      expect(
        result.problems.map(({ message }) => /to (\w+) in BGPConfiguration "default", or run/.exec(message)?.[1]),
      ).toEqual(advice);
      const told = routing([...resources, felix({})], { felix: 'absent', tunl0: true });
      expect(told.rules.map(({ verdict }) => verdict)).toEqual(result.rules.map(({ verdict }) => verdict));
    }
  });

  it('judges by the objects for all nodes and for this one, unless told', () => {
    const of = (resources: readonly AnyResource[], presence: ClusterRoutingOptions['felix']) =>
      verdictsOf(routing([VXLAN, NODE, ...resources], { felix: presence }));
    expect(of([], 'auto')).toBe('vxlan');
    expect(of([felix({}, 'node.n2')], 'auto')).toBe('vxlan');
    expect(of([felix({}, 'node.n1')], 'auto')).toBe('reject');
    expect(of([felix({})], 'auto')).toBe('reject');
    expect(of([felix({})], 'absent')).toBe('vxlan');
    expect(of([], 'present')).toBe('reject');
  });

  it('says who and why', () => {
    expect(routing([VXLAN, PLAIN, NODE]).words).toBe(
      `Starling programs the routes of VXLAN pools: ${NO_FELIX}. Starling programs the routes of pools without encapsulation: ${NO_FELIX}.`,
    );
    expect(routing([PLAIN, bgp({ programClusterRoutes: 'Disabled' })], { felix: 'absent' })).toMatchObject({
      words:
        'Nobody programs the routes of pools without encapsulation: BGPConfiguration "default" has programClusterRoutes: Disabled; fib.felix is absent.',
      problems: [
        {
          message:
            'Nobody programs the routes of pools without encapsulation ("plain"): BGPConfiguration "default" has programClusterRoutes: Disabled; fib.felix is absent. This node can\'t reach their addresses on other nodes. Set programClusterRoutes to Enabled in BGPConfiguration "default", or run Felix on this node.',
        },
      ],
    });
  });

  it('leaves VXLAN off where it is switched off', () => {
    const result = routing([VXLAN, NODE, felix({ vxlanEnabled: false })], { felix: 'absent' });
    expect(verdictsOf(result)).toBe('reject');
    expect(result.vxlan).toEqual([]);
    expect(named(result)).toEqual(['FelixConfiguration default: vxlanEnabled']);
  });

  it('names tunl0, unless it is known to be there', () => {
    expect(routing([IPIP]).problems).toEqual([
      {
        resource: 'IPPool ipip',
        field: 'ipipMode',
        message: `Starling programs the routes of IPIP pools ("ipip") through the device tunl0, which Felix would set up: ${NO_FELIX}. Without it the routes can't be installed. Load the kernel module ipip and set it up (ip link set tunl0 up).`,
      },
    ]);
    expect(routing([IPIP], { tunl0: true }).problems).toEqual([]);
  });
});

describe('the rules', () => {
  it('put services first, then pools from the most specific', () => {
    const { rules } = routing([
      bgp({
        serviceClusterIPs: [{ cidr: '10.96.0.0/12' }, { cidr: '10.0.0.1/32' }],
        serviceExternalIPs: [{ cidr: '192.0.2.0/24' }, { cidr: '192.0.2.1/32' }],
        serviceLoadBalancerIPs: [{ cidr: '198.51.100.0/24' }, { cidr: '2001:db8::1/128' }],
      }),
      pool('b', '10.244.0.0/16', { vxlanMode: 'CrossSubnet' }),
      pool('a', '10.244.0.0/17', { ipipMode: 'CrossSubnet' }),
      pool('c', '10.244.0.0/16'),
      pool('d', 'fd00::/48', { vxlanMode: 'Always' }),
    ]);
    expect(rules.map(({ prefix, match, verdict }) => `${match} ${formatPrefix(prefix)} ${verdict}`)).toEqual([
      'within 10.96.0.0/12 reject',
      'within 10.0.0.1/32 reject',
      'within 192.0.2.0/24 reject',
      'within 198.51.100.0/24 reject',
      'within fd00::/48 vxlan',
      'within 10.244.0.0/17 ipip-cross-subnet',
      'within 10.244.0.0/16 vxlan-cross-subnet',
      'within 10.244.0.0/16 plain',
    ]);
  });

  it('let load-balancer addresses be where each is announced for itself', () => {
    const settings = {
      serviceLoadBalancerIPs: [{ cidr: '198.51.100.0/24' }],
      serviceLoadBalancerAggregation: 'Disabled',
    };
    expect(routing([bgp(settings)]).rules).toEqual([]);
  });

  it('name the pool, its mode, the owner and the setting; they are what the FIB takes', () => {
    const settings = bgp({ serviceClusterIPs: [{ cidr: '10.96.0.0/12' }], programClusterRoutes: 'Enabled' });
    const programming = new KernelProgramming(routing([IPIP, VXLAN, felix({}), settings]).rules);
    const why = (prefix: string) => programming.explain(parsePrefix(prefix));
    expect(why('10.2.3.0/26')).toEqual({
      verdict: 'ipip',
      why: 'IPPool "ipip" (ipipMode: Always); Starling programs its routes: BGPConfiguration "default" has programClusterRoutes: Enabled',
    });
    expect(why('10.1.3.0/26')).toEqual({
      verdict: 'reject',
      why: 'IPPool "vxlan" (vxlanMode: Always); Felix programs its routes: there is FelixConfiguration "default", so there is Felix',
    });
    expect(why('10.96.0.0/12')).toEqual({
      verdict: 'reject',
      why: 'addresses of services, which kube-proxy serves on each node: 10.96.0.0/12 in serviceClusterIPs of BGPConfiguration "default"',
    });
  });

  it('do not depend on the order of changes', () => {
    const resources = [...POOLS, NODE, bgp({ serviceClusterIPs: [{ cidr: '10.96.0.0/12' }] }), block('10.1.0.0/26')];
    expect(routing(resources.toReversed())).toEqual(routing(resources));
  });
});

describe('blackholes', () => {
  const blackholed = (resources: readonly AnyResource[]) =>
    routing(resources).blackholes.map(({ prefix }) => formatPrefix(prefix));

  it('are the confirmed blocks of this node', () => {
    const { blackholes } = routing([
      PLAIN,
      block('10.3.1.0/26'),
      block('10.3.0.0/26', { state: '' }),
      block('10.3.2.0/26', { node: 'n2' }),
      block('10.3.3.0/26', { state: 'pending' }),
      block('10.3.4.0/26', { state: 'pendingDeletion' }),
      block('10.3.5.0/26', { deleted: true }),
      block('10.3.6.0/26', { type: 'virtual' }),
      block('10.3.7.1/32'),
      block('fd00::/122'),
      block('fd00::1/128'),
    ]);
    expect(blackholes.map(({ prefix }) => formatPrefix(prefix))).toEqual(['10.3.0.0/26', '10.3.1.0/26', 'fd00::/122']);
    expect(blackholes[0].reason).toBe(
      'Block 10.3.0.0/26 belongs to this node: what is sent to an address in it that no workload has is dropped here and follows no other route.',
    );
  });

  it('leave out blocks of pools that are not ours to program, and services', () => {
    const blocks = [block('10.1.0.0/26'), block('10.2.0.0/26'), block('10.3.0.0/26')];
    expect(blackholed([...POOLS, NODE, ...blocks])).toEqual(['10.1.0.0/26', '10.2.0.0/26', '10.3.0.0/26']);
    expect(blackholed([...POOLS, felix({}), ...blocks])).toEqual(['10.2.0.0/26', '10.3.0.0/26']);
    expect(blackholed([...POOLS, felix({}), version('v3.33.0'), ...blocks])).toEqual(['10.3.0.0/26']);
    expect(blackholed([PLAIN, bgp({ serviceClusterIPs: [{ cidr: '10.3.0.0/24' }] }), ...blocks])).toEqual([
      '10.1.0.0/26',
      '10.2.0.0/26',
    ]);
  });
});

describe('interfaces of workloads', () => {
  it.each([
    ['cali, eni', ['cali', 'eni']],
    ['tap', ['tap']],
    ['', []],
  ])('begin as Felix is told: %j', (interfacePrefix, expected) => {
    expect(routing([felix({ interfacePrefix })]).workloadPrefixes).toEqual(expected);
    expect(
      routing([felix({ interfacePrefix: 'other' }), felix({ interfacePrefix }, 'node.n1')]).workloadPrefixes,
    ).toEqual(expected);
  });
});

describe('WireGuard', () => {
  const node = (name: string, wireguardPublicKey?: string) =>
    resource('Node', name, {}, wireguardPublicKey === undefined ? {} : { wireguardPublicKey });
  const enabled = felix({ wireguardEnabled: true });

  it('is named where this node and others run it', () => {
    const nodes = [node('n1', 'k1'), node('n2', 'k2'), node('n3')];
    expect(routing([PLAIN, enabled, ...nodes]).problems).toEqual([
      {
        resource: 'FelixConfiguration default',
        field: 'wireguardEnabled',
        message:
          'is true: Felix sends what goes to nodes with WireGuard ("n2") by a table of its own, whose rule comes before the main table. Starling does not leave out its routes by way of these nodes; they have no effect while Felix\' are there.',
      },
    ]);
    expect(routing([PLAIN, felix({}), ...nodes]).problems).toEqual([]);
    expect(routing([PLAIN, enabled, node('n1'), node('n2', 'k2')]).problems).toEqual([]);
    expect(routing([PLAIN, enabled, node('n1', 'k1'), node('n2')]).problems).toEqual([]);
  });

  it('is named where nobody does it', () => {
    const result = routing([PLAIN, felix({ wireguardEnabledV6: true })], { felix: 'absent' });
    expect(named(result)).toEqual(['FelixConfiguration default: wireguardEnabledV6']);
    expect(result.problems[0].message).toContain('traffic of this node to other nodes is not encrypted');
  });
});
