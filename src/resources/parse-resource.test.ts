import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KIND_NAMES } from './kinds.ts';
import { parseResource } from './parse-resource.ts';

const V3 = 'projectcalico.org/v3';
const V1 = 'crd.projectcalico.org/v1';
const PEER = { peerIP: '192.0.2.1', asNumber: 64513 };

/** A spec of each kind that Calico keeps in v1 custom resources. */
const SPECS = {
  BGPConfiguration: {},
  BGPFilter: {},
  BGPPeer: PEER,
  BlockAffinity: { node: 'a', cidr: '10.244.0.0/26', state: 'confirmed', deleted: 'false' },
  CalicoNodeStatus: { node: 'a' },
  ClusterInformation: {},
  FelixConfiguration: {},
  IPPool: { cidr: '10.244.0.0/16' },
  Node: {},
};

function problemsOf(value: unknown): string[] {
  return parseResource(value).problems.map(
    ({ severity, path, message }) => `${severity} ${path.join('.')}: ${message}`,
  );
}

describe('parseResource', () => {
  it.each([
    ['text', 'error : must be a group of fields with apiVersion and kind'],
    [[], 'error : must be a group of fields with apiVersion and kind'],
    [null, 'error : must be a group of fields with apiVersion and kind'],
    [{ kind: 'BGPPeer' }, 'error apiVersion: is required and must be a text'],
    [{ apiVersion: V3, kind: 5 }, 'error kind: is required and must be a text'],
    [{ apiVersion: 'apps/v1', kind: 'Deployment' }, 'warning kind: ignored kind: apps/v1 Deployment'],
    [
      { apiVersion: V3, kind: 'StagedNetworkPolicy' },
      `warning kind: ignored kind: ${V3} StagedNetworkPolicy, which is not enforced`,
    ],
    [{ apiVersion: V3, kind: 'BgpPeers' }, `warning kind: ignored kind: ${V3} BgpPeers (did you mean "BGPPeer"?)`],
    [{ apiVersion: 'v1', kind: 'BGPPeer' }, `warning kind: ignored kind: BGPPeer is read as ${V3} or ${V1}, not as v1`],
    [{ apiVersion: V3, kind: 'BGPPeer', spec: PEER }, 'error metadata.name: is required'],
    [
      { apiVersion: V3, kind: 'BGPPeer', metadata: [], spec: PEER },
      'error metadata: must be a group of fields, not a list',
    ],
    [
      { apiVersion: V3, kind: 'BGPPeer', metadata: { name: 'a/b' }, spec: PEER },
      'error metadata.name: must not have spaces or slashes',
    ],
    [
      { apiVersion: V3, kind: 'BGPPeer', metadata: { name: 'a', labels: { b: true } }, spec: PEER },
      'error metadata.labels.b: must be a text, not true',
    ],
    [
      { apiVersion: V3, kind: 'BGPPeer', metadata: { name: 'a' }, sepc: {}, spec: PEER },
      'warning sepc: is not a known field (did you mean "spec"?); ignored',
    ],
    [
      { apiVersion: V3, kind: 'BGPPeer', metadata: { name: 'a', lables: {} }, spec: PEER },
      'warning metadata.lables: is not a known field (did you mean "labels"?); ignored',
    ],
    [
      { apiVersion: V3, kind: 'BGPPeer', metadata: { name: 'a' }, spec: { ...PEER, bfdProfile: 'x' } },
      'warning spec.bfdProfile: is not a known field; ignored',
    ],
    [
      { apiVersion: V3, kind: 'BGPPeer', metadata: { name: 'a' }, spec: 'x' },
      'error spec: must be a group of fields, not the text "x"',
    ],
  ])('%j: %s', (value, problem) => {
    expect(problemsOf(value)).toEqual([problem]);
  });

  it('names all that is wrong at once', () => {
    const spec = { peerIP: 'x', asNumber: 'y', nodeselector: 'all()' };
    expect(problemsOf({ apiVersion: V3, kind: 'BGPPeer', metadata: {}, spec })).toEqual([
      'error metadata.name: is required',
      expect.stringMatching(/^error spec\.peerIP: "x" is not an address/),
      expect.stringMatching(/^error spec\.asNumber: "y" is not an AS number/),
      'warning spec.nodeselector: is not a known field (did you mean "nodeSelector"?); ignored',
    ]);
  });

  it.each([
    ['BGPPeer', { ...PEER, node: null, filters: null, bfdProfile: null }],
    ['FelixConfiguration', { vxlanPort: null, wireguardEnabled: true }],
    ['BGPConfiguration', { programClusterRoutes: null, serviceClusterIPs: [{ cidr: '10.96.0.0/12' }] }],
  ])('takes what is null for absent, without a word: %s %j', (kind, spec) => {
    const metadata = { name: 'default', labels: null, annotations: { a: 'b' }, creationTimestamp: null, odd: null };
    const written = parseResource({ apiVersion: V3, kind, metadata, spec, status: null });
    const set = Object.fromEntries(Object.entries(spec).filter(([, value]) => value !== null));
    const bare = { name: 'default', annotations: { a: 'b' } };
    expect(written).toEqual(parseResource({ apiVersion: V3, kind, metadata: bare, spec: set }));
    expect(written).toMatchObject({ ok: true, problems: [] });
  });

  it('keeps of the metadata what is of use', () => {
    const metadata = {
      name: 'a',
      uid: 'b',
      resourceVersion: '1',
      labels: { c: 'd' },
      annotations: { e: 'f', 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
    };
    expect(parseResource({ apiVersion: V3, kind: 'BGPPeer', metadata, spec: PEER })).toMatchObject({
      problems: [],
      resource: { metadata: { name: 'a', labels: { c: 'd' }, annotations: { e: 'f' } } },
    });
  });

  it('finds the metadata that the v1 custom resources hide', () => {
    const hidden = JSON.stringify({ labels: { rack: 'a', odd: 1 }, annotations: { note: 'b' }, uid: 'c' });
    const metadata = { name: 'a', labels: { real: 'd' }, annotations: { 'projectcalico.org/metadata': hidden } };
    expect(parseResource({ apiVersion: V1, kind: 'BGPPeer', metadata, spec: PEER })).toMatchObject({
      ok: true,
      resource: {
        apiVersion: V3,
        metadata: { name: 'a', labels: { real: 'd', rack: 'a' }, annotations: { note: 'b' } },
      },
    });
    const broken = { name: 'a', annotations: { 'projectcalico.org/metadata': '{' } };
    expect(parseResource({ apiVersion: V1, kind: 'BGPPeer', metadata: broken, spec: PEER })).toMatchObject({
      ok: true,
    });
  });

  it.each(Object.entries(SPECS))('finds it in every v1 custom resource: %s', (kind, spec) => {
    const hidden = JSON.stringify({ labels: { rack: 'a' }, annotations: { note: 'b' } });
    const metadata = { name: 'default', uid: 'u', annotations: { 'projectcalico.org/metadata': hidden } };
    expect(parseResource({ apiVersion: V1, kind, metadata, spec })).toMatchObject({
      problems: [],
      resource: { apiVersion: V3, metadata: { name: 'default', labels: { rack: 'a' }, annotations: { note: 'b' } } },
    });
  });

  it('have the names that users know, where Calico has put the tier before them', () => {
    const read = (name: string, own: string) => {
      const annotations = { 'projectcalico.org/metadata': JSON.stringify({ name: own }) };
      const parsed = parseResource({
        apiVersion: 'crd.projectcalico.org/v1',
        kind: 'NetworkPolicy',
        metadata: { name, namespace: 'x', annotations },
        spec: { selector: 'all()' },
      });
      return parsed.ok && parsed.resource.metadata.name;
    };
    expect(read('default.web', 'web')).toBe('web');
    expect(read('default.web', 'default.web')).toBe('default.web');
    expect(read('other.web', 'web')).toBe('other.web');
  });

  it('leaves that annotation alone where nothing hides in it', () => {
    const annotations = { 'projectcalico.org/metadata': '{"labels":{"rack":"a"}}' };
    const metadata = { name: 'a', annotations };
    expect(parseResource({ apiVersion: V3, kind: 'BGPPeer', metadata, spec: PEER })).toMatchObject({
      resource: { metadata: { labels: {}, annotations } },
    });
  });
});

describe('properties of parseResource', () => {
  const fields = fc.constantFrom(
    'peerIP',
    'asNumber',
    'node',
    'cidr',
    'blockSize',
    'importV4',
    'action',
    'matchOperator',
    'prefixLength',
    'min',
    'filters',
    'communities',
    'values',
    'bgp',
    'ipv4Address',
    'state',
    'deleted',
    'operations',
    'reachableBy',
    '__proto__',
    'prefixAdvertisements',
    'annotations',
    'projectcalico.org/Interfaces',
    'name',
    'clusterIPs',
    'loadBalancer',
    'ingress',
    'ip',
    'conditions',
    'ready',
    'hints',
    'forZones',
    'addPaths',
    'podCIDRs',
    'status',
  );
  const scalars = fc.constantFrom<unknown>(
    null,
    true,
    '',
    'x',
    0,
    1,
    -1,
    1.5,
    26,
    '192.0.2.1',
    '10.0.0.0/8',
    'fd00::/8',
    'fe80::1',
    '1.10',
    'all()',
    'has(',
    'In',
    'Accept',
    '64512:1',
    'confirmed',
    '120s',
    '[1]',
    '{"labels":{"a":1}}',
  );
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 5, depthSize: 'medium' },
      scalars,
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(fields, tie('tree'), { maxKeys: 6 }),
    ),
  }));
  const manifests = fc.record(
    {
      apiVersion: fc.constantFrom(V3, V1, 'v1', 'networking.k8s.io/v1', 'discovery.k8s.io/v1', 'starling.dev/v1alpha1'),
      kind: fc.constantFrom(...KIND_NAMES),
      metadata: fc.oneof(fc.constant({ name: 'default' }), tree),
      addressType: fc.constantFrom('IPv4', 'IPv6'),
      endpoints: tree,
      spec: fc.oneof(
        { weight: 4, arbitrary: fc.dictionary(fields, tree, { maxKeys: 8 }) },
        { weight: 1, arbitrary: tree },
      ),
      status: tree,
    },
    { requiredKeys: ['apiVersion', 'kind'] },
  );

  it('never throws, and says why where it gives no resource', () => {
    fc.assert(
      fc.property(fc.oneof(manifests, fc.jsonValue()), (value) => {
        const result = parseResource(value);
        expect(result.ok || result.problems.length > 0).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('reads a resource that it gave as the same resource', () => {
    fc.assert(
      fc.property(manifests, (manifest) => {
        const first = parseResource(manifest);
        if (!first.ok) return;
        expect(parseResource(JSON.parse(JSON.stringify(first.resource)))).toMatchObject({ resource: first.resource });
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['projectcalico.org/v3', 'NetworkPolicy'],
    ['networking.k8s.io/v1', 'NetworkPolicy'],
    ['v1', 'ServiceAccount'],
  ])('takes %s %s without a namespace to be in `default`', (apiVersion, kind) => {
    const namespaceOf = (metadata: object) => {
      const parsed = parseResource({ apiVersion, kind, metadata, spec: {} });
      return parsed.ok && parsed.resource.metadata.namespace;
    };
    expect([{ name: 'a' }, { name: 'a', namespace: 'x' }].map(namespaceOf)).toEqual(['default', 'x']);
  });

  it('takes no namespace that is no value in a selector', () => {
    for (const status of [undefined, {}]) {
      const metadata = { name: 'a', namespace: `x"'` };
      const parsed = parseResource({ apiVersion: 'v1', kind: 'Pod', metadata, spec: {}, status });
      expect(parsed.problems).toMatchObject([{ path: ['metadata', 'namespace'], severity: 'error' }]);
    }
  });

  it('bears any nesting', () => {
    let deep: unknown = 'x';
    for (let i = 0; i < 100_000; i++) deep = i % 2 === 0 ? [deep] : { spec: deep };
    expect(parseResource({ apiVersion: V3, kind: 'BGPPeer', metadata: { name: 'a' }, spec: deep }).ok).toBe(false);
  });
});
