import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { problemsOf } from '../../../test/support/parsed-kinds.ts';
import { parseResource } from '../parse-resource.ts';
import { isJsonObject } from '../resource.ts';
import type { JsonObject } from '../resource.ts';

/** What a kind is read as, whatever is warned about. */
function specOf(kind: string, spec: object, apiVersion = 'projectcalico.org/v3'): unknown {
  const parsed = parseResource({ apiVersion, kind, metadata: { name: 'a', namespace: 'x' }, spec });
  return parsed.ok ? parsed.resource.spec : parsed.problems;
}

describe('NetworkPolicy', () => {
  it('reads every field', () => {
    const end = {
      nets: ['10.0.0.0/8'],
      notNets: ['10.1.0.0/16'],
      selector: "app == 'web'",
      notSelector: 'has(exclude)',
      namespaceSelector: 'all()',
      ports: [80, '8080:8090', 'http'],
      notPorts: [81],
      serviceAccounts: { names: ['web'], selector: 'has(role)' },
    };
    const spec = {
      tier: 'platform',
      order: 10.5,
      selector: "app == 'db'",
      serviceAccountSelector: "role == 'db'",
      types: ['Ingress', 'Egress'],
      ingress: [
        {
          action: 'Allow',
          ipVersion: 4,
          protocol: 'TCP',
          source: end,
          destination: end,
          metadata: { annotations: {} },
        },
        { action: 'Pass', protocol: 'ICMPv6', icmp: { type: 128, code: 0 }, notProtocol: 'UDPLite' },
        { action: 'Allow', protocol: 'TCP', http: { methods: ['GET'], paths: [{ exact: '/a' }, { prefix: '/b' }] } },
      ],
      egress: [
        { action: 'Log', protocol: 47 },
        { action: 'Deny', destination: { services: { name: 'dns', namespace: 'kube-system' } } },
      ],
      performanceHints: ['AssumeNeededOnEveryNode'],
    };
    expect(specOf('NetworkPolicy', spec)).toEqual(spec);
    const http = 'is not seen here, so the rule matches nothing: what it would allow stays closed';
    expect(problemsOf('NetworkPolicy', spec)).toEqual([`warning spec.ingress.2.http: ${http}`]);
    expect(specOf('NetworkPolicy', {})).toEqual({ tier: 'default', ingress: [], egress: [] });
  });

  it('brings protocols, ports and nets into one form', () => {
    const ingress = [
      {
        action: 'Allow',
        protocol: 'tcp',
        source: { nets: ['192.0.2.1', '10.1.2.3/8', 'FD00::1'], ports: ['80', '5:5'] },
      },
      { action: 'Allow', protocol: '17' },
    ];
    expect(specOf('NetworkPolicy', { ingress })).toMatchObject({
      ingress: [
        {
          action: 'Allow',
          protocol: 'TCP',
          source: { nets: ['192.0.2.1/32', '10.0.0.0/8', 'fd00::1/128'], ports: [80, '5:5'] },
        },
        { action: 'Allow', protocol: 17 },
      ],
    });
  });

  it.each([
    [{ action: 'allow' }, 'action: must be Allow, Deny, Log or Pass, not the text "allow" (did you mean "Allow"?)'],
    [
      { action: 'Allow', protocol: 'TPC' },
      'protocol: "TPC" is not a protocol: TCP, UDP, ICMP, ICMPv6, SCTP, UDPLite, or 1 to 255',
    ],
    [{ action: 'Allow', ipVersion: 5 }, 'ipVersion: must be 4 or 6, not 5'],
    [{ action: 'Allow', source: { ports: [80] } }, 'source.ports: needs protocol TCP, UDP or SCTP'],
    [
      { action: 'Allow', protocol: 'TCP', destination: { ports: ['90:80'] } },
      'destination.ports.0: "90:80" is not a port: 0 to 65535, a range such as "8080:8090", or a name',
    ],
    [
      { action: 'Allow', protocol: 'TCP', destination: { ports: [65536] } },
      'destination.ports.0: 65536 is not a port: 0 to 65535, a range such as "8080:8090", or a name',
    ],
    [
      { action: 'Allow', ipVersion: 6, source: { nets: ['10.0.0.0/8'] } },
      'source.nets.0: 10.0.0.0/8 is not of IP version 6, which the rule is for',
    ],
    [{ action: 'Allow', icmp: { type: 8 } }, 'icmp: needs protocol ICMP or ICMPv6'],
    [{ action: 'Allow', protocol: 'ICMP', ipVersion: 6, icmp: { type: 8 } }, 'ipVersion: must be 4 with protocol ICMP'],
    [{ action: 'Allow', protocol: 'ICMP', notICMP: { code: 1 } }, 'notICMP.type: is required with code'],
    [{ action: 'Deny', protocol: 'TCP', http: {} }, 'http: is possible only with action Allow'],
    [{ action: 'Allow', http: {} }, 'http: needs protocol TCP'],
    [
      { action: 'Allow', protocol: 'TCP', http: { paths: [{ exact: '/', prefix: '/' }] } },
      'http.paths.0: must have exact or prefix',
    ],
    [
      { action: 'Allow', source: { services: { name: 'a' }, selector: 'all()' } },
      'source.selector: must not be set together with services',
    ],
    [
      { action: 'Allow', source: { nets: ['10.0.0.0/33'] } },
      'source.nets.0: "10.0.0.0/33" is not an IP address or a prefix such as 10.0.0.0/8',
    ],
  ])('%j: %s', (rule, problem) => {
    const counts =
      rule.action === 'Allow'
        ? 'does not count: what it means can not be read entirely'
        : 'counts as Deny, without what can not be read';
    expect(problemsOf('NetworkPolicy', { egress: [rule] })).toEqual([
      `error spec.egress.0.${problem}`,
      `error spec.egress.0: ${counts}`,
    ]);
  });
});

describe('GlobalNetworkPolicy', () => {
  it.each([
    [{ doNotTrack: true }, 'error spec.applyOnForward: must be true with doNotTrack'],
    [
      { doNotTrack: true, preDNAT: true, applyOnForward: true },
      'error spec.preDNAT: must not be set together with doNotTrack',
    ],
    [
      { preDNAT: true, applyOnForward: true, egress: [{ action: 'Allow' }] },
      'error spec.preDNAT: is possible only without egress rules',
    ],
  ])('%j: %s', (spec, problem) => {
    expect(problemsOf('GlobalNetworkPolicy', spec)[0]).toBe(problem);
  });

  it('looks for Services only where it is said in which namespace', () => {
    const ingress = [{ action: 'Allow', source: { services: { name: 'dns' } } }];
    expect(problemsOf('GlobalNetworkPolicy', { ingress })[0]).toBe(
      'error spec.ingress.0.source.services.namespace: is required',
    );
    expect(problemsOf('NetworkPolicy', { ingress })).toEqual([]);
  });

  it('takes an empty namespace of a Service for none', () => {
    const ingress = [{ action: 'Deny', source: { services: { name: 'dns', namespace: '' } } }];
    expect(specOf('NetworkPolicy', { ingress })).toMatchObject({
      ingress: [{ action: 'Deny', source: { services: { name: 'dns' } } }],
    });
    expect(JSON.stringify(specOf('NetworkPolicy', { ingress }))).not.toContain('"namespace"');
    expect(specOf('GlobalNetworkPolicy', { ingress })).toMatchObject({ ingress: [{ action: 'Deny', source: {} }] });
  });

  it('is of tier default where its tier is empty', () => {
    expect(specOf('GlobalNetworkPolicy', { tier: '' })).toMatchObject({ tier: 'default' });
    expect(problemsOf('GlobalNetworkPolicy', { tier: '' })).toEqual([]);
  });
});

describe('NetworkPolicy of Kubernetes', () => {
  const read = (spec: object) => specOf('NetworkPolicy', spec, 'networking.k8s.io/v1');

  it('is a kind of its own', () => {
    const spec = {
      podSelector: { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] },
      policyTypes: ['Ingress'],
      ingress: [
        {
          from: [{ podSelector: {} }, { ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }],
          ports: [{ protocol: 'UDP', port: 1, endPort: 5 }, { protocol: 'TCP', port: 'http' }, { protocol: 'TCP' }],
        },
      ],
      egress: [{}],
    };
    expect(read(spec)).toEqual(spec);
    const manifest = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'a' }, spec };
    const parsed = parseResource(manifest);
    expect(parsed).toMatchObject({ resource: { kind: 'KubernetesNetworkPolicy' } });
    expect(parsed.ok && parseResource(parsed.resource)).toEqual(parsed);
  });

  it.each([
    [{ ingress: [{ from: [{}] }] }, 'must have podSelector, namespaceSelector or ipBlock'],
    [
      { ingress: [{ from: [{ podSelector: {}, ipBlock: { cidr: '10.0.0.0/8' } }] }] },
      'ipBlock must not be set together with podSelector or namespaceSelector',
    ],
    [{ ingress: [{ ports: [{ port: 'http', endPort: 5 }] }] }, 'needs a port that is a number and not greater'],
    [
      { ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['::ffff:10.1.0.0/112'] } }] }] },
      '"::ffff:a01:0/112" is not an IP address or a prefix such as 10.0.0.0/8',
    ],
    [{ ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.1' } }] }] }, '"10.0.0.1" is not an IP prefix such as 10.0.0.0/8'],
    [
      { podSelector: { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['b'] }] } },
      'must have items with In and NotIn, and none with Exists and DoesNotExist',
    ],
  ])('%j: %s', (spec, message) => {
    const parsed = parseResource({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'a' },
      spec,
    });
    expect(parsed.problems[0]).toMatchObject({ message, severity: 'error' });
  });
});

describe('the other kinds of policies', () => {
  const http = { name: 'http', protocol: 'TCP', port: 80 };

  it.each([
    ['Tier', { order: 10, defaultAction: 'Pass' }],
    ['Profile', { ingress: [{ action: 'Allow' }], egress: [], labelsToApply: { 'pcns.a': 'b' } }],
    ['NetworkSet', { nets: ['192.0.2.0/24'] }],
    ['GlobalNetworkSet', { nets: ['2001:db8::/32'] }],
    ['HostEndpoint', { node: 'a', interfaceName: '*', expectedIPs: ['192.0.2.1'], profiles: ['p'], ports: [http] }],
    [
      'WorkloadEndpoint',
      {
        orchestrator: 'openstack',
        node: 'a',
        ipNetworks: ['10.0.0.1/32'],
        profiles: [],
        interfaceName: 'tap1234',
        ports: [http],
        allowSpoofedSourcePrefixes: [],
      },
    ],
  ])('%s: %j', (kind, spec) => {
    expect(specOf(kind, spec)).toEqual(spec);
    expect(problemsOf(kind, spec, 'a')).toEqual([]);
  });

  it.each([
    [
      'HostEndpoint',
      { node: 'a' },
      'error spec.interfaceName: is required, or else expectedIPs',
      'error spec.interfaceName: counts as "*", all interfaces that no other HostEndpoint is for',
    ],
    ['Tier', { order: 5 }, 'warning spec.order: is always 1000000 for the tier "default"'],
    [
      'NetworkSet',
      { nets: ['x', '192.0.2.1'] },
      'error spec.nets.0: "x" is not an IP address or a prefix such as 10.0.0.0/8',
      'error spec.nets: counts without what can not be read',
    ],
  ])('%s %j: %s', (kind, spec, ...problems) => {
    expect(problemsOf(kind, spec)).toEqual(problems);
  });
});

describe('kinds of namespaces', () => {
  it.each([undefined, null, ''])('are in `default` where they name %j', (namespace) => {
    const metadata = { name: 'a', namespace };
    const parsed = parseResource({ apiVersion: 'projectcalico.org/v3', kind: 'NetworkPolicy', metadata, spec: {} });
    expect(parsed.ok && parsed.resource.metadata.namespace).toBe('default');
  });
});

describe('kinds that belong to no namespace', () => {
  it.each(['GlobalNetworkPolicy', 'Profile', 'Tier', 'GlobalNetworkSet', 'HostEndpoint'])('%s has none', (kind) => {
    const spec = kind === 'HostEndpoint' ? { node: 'a', interfaceName: 'eth0' } : {};
    const metadata = { name: 'a', namespace: 'x' };
    const parsed = parseResource({ apiVersion: 'projectcalico.org/v3', kind, metadata, spec });
    expect(parsed.ok && parsed.resource.metadata).toEqual({ name: 'a', labels: {}, annotations: {} });
  });
});

const VECTORS = '../shared/vectors/policy/';

function vectors(file: string): JsonObject[] {
  const rows: unknown[] = readFileSync(VECTORS + file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  return rows.filter(isJsonObject);
}

/** All objects anywhere in a value that are as `wanted` says. */
function find(value: unknown, wanted: (object: JsonObject) => boolean): JsonObject[] {
  if (Array.isArray(value)) return value.flatMap((item) => find(item, wanted));
  if (!isJsonObject(value)) return [];
  return wanted(value) ? [value] : Object.values(value).flatMap((item) => find(item, wanted));
}

describe('vectors of policies', () => {
  it('are all read', ({ skip }) => {
    skip(!existsSync(VECTORS), `${VECTORS} is not there`);
    const kubernetes = find(vectors('netpol_k8s_e2e.jsonl'), ({ kind }) => kind === 'NetworkPolicy');
    expect(kubernetes.length).toBeGreaterThan(40);
    for (const policy of kubernetes) expect(parseResource(policy)).toMatchObject({ ok: true });
    const policies = vectors('policy_eval.jsonl').flatMap(({ policies }) => (Array.isArray(policies) ? policies : []));
    expect(policies.length).toBeGreaterThan(20);
    for (const policy of policies.filter(isJsonObject)) {
      const { tier = 'default', selector, order, types, ingress, egress } = policy;
      const spec = { tier, selector, order, types, ingress, egress };
      expect(specOf('NetworkPolicy', spec)).toHaveProperty('tier', tier);
    }
    for (const { kind, entity } of vectors('policy_conversion.jsonl')) {
      if (kind !== 'entity') continue;
      const ingress = [{ action: 'Allow', protocol: 'TCP', source: entity }];
      expect(specOf('NetworkPolicy', { ingress })).toHaveProperty('ingress');
    }
  });
});
