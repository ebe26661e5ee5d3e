import { describe, expect, it } from 'vitest';
import { judge } from '../../test/support/policy-asking.ts';
import { SOURCE_CLIENT } from '../rib/policy.ts';
import { clusterView } from '../resources/cluster-view.ts';
import type { AnyResource } from '../resources/kinds.ts';
import { parseResource } from '../resources/parse-resource.ts';
import { ServiceLabels } from '../advertiser/service-labels.ts';
import { desiredState } from './desired-state.ts';
import type { Policies } from './neighbour-policies.ts';

function resource(kind: string, name: string, spec: object, apiVersion = 'projectcalico.org/v3'): AnyResource {
  const parsed = parseResource({ apiVersion, kind, metadata: { name }, spec });
  if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join());
  return parsed.resource;
}

/** The policies of node n1 for its neighbours, in the order of their addresses. */
function policiesOf(resources: readonly AnyResource[], bgp: object = {}): Policies[] {
  const node = resource('Node', 'n1', { bgp: { ipv4Address: '10.0.0.1/24', ...bgp } });
  const identity = { name: 'n1', namespace: 'kube-system' };
  const state = desiredState(clusterView([node, ...resources]), identity, { workloads: [], kernel: undefined });
  expect(state.problems).toEqual([]);
  const sorted = [...state.neighbours].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([, { policies }]) => policies);
}

const peer = (name: string, peerIP: string, asNumber: number, more: object = {}) =>
  resource('BGPPeer', name, { peerIP, asNumber, ...more });
const PEERS = [peer('a', '192.0.2.1', 64_512), peer('b', '192.0.2.2', 65_001), peer('c', '192.0.2.3', 64_512)];
const SERVICES = { nodeToNodeMeshEnabled: false, serviceClusterIPs: [{ cidr: '10.96.0.0/12' }] };

describe('policies of neighbours', () => {
  it('pass services on where the node is a route reflector, and are shared by all that get the same', () => {
    const resources = [...PEERS, resource('BGPConfiguration', 'default', SERVICES)];
    const [plain] = policiesOf(resources);
    const reflecting = policiesOf(resources, { routeReflectorClusterID: '10.0.0.99' });
    const accepted = ({ export: policy }: Policies) =>
      judge(policy, '10.96.0.10/32', { source: SOURCE_CLIENT }).accepted;
    expect([accepted(plain), accepted(reflecting[0])]).toEqual([false, true]);
    expect(reflecting[0]).toBe(reflecting[2]);
    expect(accepted(reflecting[1])).toBe(false);
  });

  describe.each([
    ['mended', false],
    ['strict', true],
  ] as const)('on learned routes to services (%s)', (_, strict) => {
    /** A cluster IP; addresses of a load balancer in a range, and as a range by itself; an external IP. */
    const ADDRESSES = ['10.96.0.10/32', '192.0.2.130/32', '198.51.100.1/32', '203.0.113.9/32'];
    const RANGES = {
      ...SERVICES,
      serviceLoadBalancerIPs: [{ cidr: '192.0.2.128/25' }, { cidr: '198.51.100.1/32' }],
      serviceExternalIPs: [{ cidr: '203.0.113.0/24' }],
    };
    const [CLUSTER_IP, BALANCED, SINGLE, EXTERNAL_IP] = ADDRESSES;
    type Row = [what: string, node: { excluded?: boolean; reflects?: boolean; settings?: object }, told: Told];
    /** In the same AS, and in others, both as they are here; for an own AS that does not reflect BGP itself decides. */
    type Told = Record<'mended' | 'strict', { same: readonly string[]; other: readonly string[] }>;
    const NOTHING = { same: [], other: [] };
    const SPLIT = { serviceLoadBalancerAggregation: 'Disabled' };
    const announced = [CLUSTER_IP, BALANCED, EXTERNAL_IP];
    const balanced = [BALANCED, SINGLE, EXTERNAL_IP];
    const rows: Row[] = [
      ['a node', {}, { mended: NOTHING, strict: { same: announced, other: announced } }],
      [
        'a node that splits ranges of load balancers',
        { settings: SPLIT },
        { mended: NOTHING, strict: { same: [CLUSTER_IP, EXTERNAL_IP], other: [CLUSTER_IP, EXTERNAL_IP] } },
      ],
      ['a node that is kept out', { excluded: true }, { mended: NOTHING, strict: NOTHING }],
      [
        'a reflector',
        { reflects: true },
        { mended: { same: ADDRESSES, other: [] }, strict: { same: ADDRESSES, other: ADDRESSES } },
      ],
      [
        'a reflector that is kept out',
        { reflects: true, excluded: true },
        { mended: { same: ADDRESSES, other: [] }, strict: { same: balanced, other: balanced } },
      ],
    ];

    it.each(rows)('%s', (_what, { excluded = false, reflects = false, settings = {} }, told) => {
      const labels = { 'node.kubernetes.io/exclude-from-external-load-balancers': `${excluded}` };
      const bgp = { ipv4Address: '10.0.0.1/24', ...(reflects && { routeReflectorClusterID: '10.0.0.99' }) };
      const node = resource('Node', 'n1', { bgp });
      const view = clusterView([
        ...PEERS,
        resource('BGPConfiguration', 'default', { ...RANGES, ...settings }),
        { ...node, metadata: { ...node.metadata, labels } },
      ]);
      const services = { labels: new ServiceLabels(), peerSelectors: [], strict };
      const inputs = { workloads: [], kernel: undefined, services };
      const { neighbours } = desiredState(view, { name: 'n1', namespace: 'kube-system' }, inputs);
      const toldTo = (peerIP: string) => {
        const policy = neighbours.get(peerIP)!.policies.export;
        return ADDRESSES.filter((prefix) => judge(policy, prefix, { source: SOURCE_CLIENT }).accepted);
      };
      expect({ same: toldTo('192.0.2.1'), other: toldTo('192.0.2.2') }).toEqual(told[strict ? 'strict' : 'mended']);
    });
  });

  it('tell services that were learned only to those other ASes that are told their next hops', () => {
    const peers = [peer('a', '192.0.2.1', 65_001), peer('b', '192.0.2.2', 65_001, { nextHopMode: 'Keep' })];
    const resources = [...peers, resource('BGPConfiguration', 'default', SERVICES)];
    const told = policiesOf(resources, { routeReflectorClusterID: '10.0.0.99' }).map(
      ({ export: policy }) => judge(policy, '10.96.0.10/32', { source: SOURCE_CLIENT }).accepted,
    );
    expect(told).toEqual([false, true]);
  });

  it('keep to themselves what was learned inside pools of load balancers, and of no others', () => {
    const pool = (allowedUses: readonly string[]) => resource('IPPool', 'pool', { cidr: '10.244.0.0/16', allowedUses });
    const told = (...uses: string[]) =>
      judge(policiesOf([...PEERS, pool(uses)])[1].export, '10.244.1.0/26', { source: SOURCE_CLIENT }).accepted;
    expect([told('LoadBalancer'), told('Workload', 'Tunnel'), told()]).toEqual([false, true, true]);
  });

  it('follow peerType by the AS numbers of the session', () => {
    const filters = [resource('BGPFilter', 'f', { exportV4: [{ peerType: 'eBGP', action: 'Accept' }] })];
    const named = PEERS.map(({ metadata, spec }) => resource('BGPPeer', metadata.name, { ...spec, filters: ['f'] }));
    const accepted = policiesOf([...named, ...filters]).map(
      ({ export: policy }) => judge(policy, '192.0.2.0/24').accepted,
    );
    expect(accepted).toEqual([false, true, false]);
  });

  it('add the communities of prefixAdvertisements, those of the node in place of the cluster', () => {
    const adding = (name: string, more: object, community: string) =>
      resource('BGPConfiguration', name, {
        ...more,
        prefixAdvertisements: [{ cidr: '10.244.0.0/16', communities: [community] }],
      });
    const pool = resource('IPPool', 'pods', { cidr: '10.244.0.0/16' });
    const cluster = adding('default', { communities: [{ name: 'pods', value: '65000:1' }] }, 'pods');
    const told = (...resources: AnyResource[]) =>
      judge(policiesOf([...PEERS, pool, ...resources])[0].export, '10.244.1.0/26').attributes?.communities;
    expect(told(cluster)).toEqual([0xfde8_0001]);
    expect(told(cluster, adding('node.n1', {}, '65000:2'))).toEqual([0xfde8_0002]);
  });

  it('take LOCAL_PREF for what Calico of that version makes of it, unless a profile says otherwise', () => {
    const scales = (version: string, ...more: AnyResource[]) => {
      const information = resource('ClusterInformation', 'default', { calicoVersion: version });
      return policiesOf([...PEERS, information, ...more]).map(
        ({ localPref: { scale, follows } }) => `${scale} ${follows}`,
      );
    };
    expect(scales('v3.31.7')[0]).toBe('plain true');
    expect(scales('v3.32.0')[0]).toBe('metric true');
    expect(scales('v4.0.0-rc1')[0]).toBe('metric true');
    expect(scales('')[0]).toBe('plain true');
    const profile = resource(
      'PeerProfile',
      'plain',
      { peerSelector: "peer.starling.dev/name == 'a'", localPreference: 'Plain' },
      'starling.dev/v1alpha1',
    );
    expect(scales('v3.32.0', profile)).toEqual(['plain false', 'metric true', 'metric true']);
  });
});
