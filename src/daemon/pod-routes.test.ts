/** What becomes of the addresses of pods and virtual machines, from the resources and the kernel to what a neighbour is told. */
import { describe, expect, it } from 'vitest';
import { judge } from '../../test/support/policy-asking.ts';
import type { Workload } from '../advertiser/originations.ts';
import { formatPrefix, parsePrefix } from '../net/prefix.ts';
import { SOURCE_LOCAL, SOURCE_WORKLOAD } from '../rib/policy.ts';
import { clusterView } from '../resources/cluster-view.ts';
import type { AnyResource } from '../resources/kinds.ts';
import { parseResource } from '../resources/parse-resource.ts';
import { desiredState } from './desired-state.ts';

function resource(kind: string, name: string, spec: object, metadata: object = {}): AnyResource {
  const parsed = parseResource({ apiVersion: 'projectcalico.org/v3', kind, metadata: { name, ...metadata }, spec });
  if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join());
  return parsed.resource;
}

const NODE = resource('Node', 'n1', { bgp: { ipv4Address: '10.0.0.1/24' } }, { labels: { rack: 'a' } });
const RACK = resource('BGPPeer', 'rack', { peerIP: '192.0.2.1', asNumber: 65_001, filters: ['let-out'] });
const pool = (name: string, cidr: string, more: object = {}) => resource('IPPool', name, { cidr, ...more });
const block = (cidr: string, more: object = {}) =>
  resource('BlockAffinity', cidr.replaceAll(/[.:/]/g, '-'), { cidr, node: 'n1', state: 'confirmed', ...more });

const RESOURCES = [
  NODE,
  RACK,
  resource('BGPConfiguration', 'default', { nodeToNodeMeshEnabled: false }),
  resource('BGPFilter', 'let-out', { exportV4: [{ cidr: '198.51.100.0/24', matchOperator: 'In', action: 'Accept' }] }),
  pool('pods', '10.244.0.0/16'),
  pool('pods6', 'fd00:244::/48'),
  pool('secret', '10.250.0.0/16', { disableBGPExport: true }),
  pool('empty', '10.251.0.0/16', { disabled: true }),
  block('10.244.1.0/26'),
  block('fd00:244::40/122'),
  block('10.244.4.0/26', { state: 'pendingDeletion' }),
  block('10.244.7.0/26', { state: 'pending' }),
  block('10.250.1.0/26'),
  block('10.244.2.0/26', { node: 'n2' }),
  block('10.244.6.6/32'),
  block('10.244.5.0/26', { node: 'load-balancer', type: 'virtual' }),
];

/** A route to a workload that the kernel has. */
const host = (address: string, metric = 0): Workload => ({
  ...parsePrefix(address),
  interface: address.startsWith('10.252') ? 'tap0' : 'cali1',
  metric,
});

/** What the rack is told of a prefix, and why or why not; undefined where this node has no such route. */
function told(prefix: string, ...workloads: Workload[]): string | undefined {
  const identity = { name: 'n1', namespace: 'kube-system' };
  const state = desiredState(clusterView(RESOURCES), identity, { workloads, kernel: undefined });
  expect(state.problems).toEqual([]);
  const route = state.advertisement.routes.find((one) => formatPrefix(one.prefix) === prefix);
  if (route === undefined) return undefined;
  const [{ policies }] = [...state.neighbours.values()];
  const source = route.kind === 'block' ? SOURCE_LOCAL : SOURCE_WORKLOAD;
  const localPref = route.metric === undefined ? {} : { localPref: 2_147_483_647 - route.metric };
  const link = route.interface === undefined ? {} : { interface: route.interface };
  return judge(policies.export, prefix, { source, attributes: localPref, ...link }).why;
}

describe('a neighbour is told of', () => {
  it.each([
    ['a block of the node', '10.244.1.0/26', /^accepted: 10\.244\.1\.0\/26 is a block of this node/],
    ['an IPv6 block', 'fd00:244::40/122', /^accepted: fd00:244::40\/122 is a block of this node/],
    ['a block that is being given up', '10.244.4.0/26', /^accepted: 10\.244\.4\.0\/26 is a block/],
    ['a block of one address', '10.244.6.6/32', /^accepted: 10\.244\.6\.6\/32 is a block/],
  ])('%s', (_what, prefix, why) => {
    expect(told(prefix)).toMatch(why);
  });

  it.each([
    ['a borrowed address', '10.244.2.9/32', /^accepted: it is inside IPPool "pods"/],
    ['a borrowed IPv6 address', 'fd00:244::1:9/128', /^accepted: it is inside IPPool "pods6"/],
    ['an address in no block (ipAddrsNoIpam)', '10.244.9.9/32', /^accepted: it is inside IPPool "pods"/],
    ['one that a filter lets out though no pool has it', '198.51.100.7/32', /^accepted/],
    ['one in a block that is being given up', '10.244.4.9/32', /^accepted: it is inside IPPool "pods"/],
    ['a floating address in a pool that gives none out', '10.251.0.7/32', /^accepted: it is inside IPPool "empty"/],
  ])('%s, by a route of its own', (_what, prefix, why) => {
    expect(told(prefix)).toBeUndefined();
    expect(told(prefix, host(prefix))).toMatch(why);
  });

  it('a workload that moves here, inside a block of the node, while its route is better than normal ones', () => {
    expect(told('10.244.1.9/32', host('10.244.1.9/32', 512))).toMatch(/^accepted: .*its metric is better/);
    expect(told('10.244.1.9/32', host('10.244.1.9/32', 1024))).toBeUndefined();
  });
});

describe('a neighbour is not told of', () => {
  it.each([
    ["a block that is not the node's yet", '10.244.7.0/26'],
    ['a block of load balancers', '10.244.5.0/26'],
    ['a block of another node', '10.244.2.0/26'],
  ])('%s', (_what, prefix) => {
    expect(told(prefix)).toBeUndefined();
  });

  it('an address inside a block of the node, which stands for it', () => {
    expect(told('10.244.1.9/32', host('10.244.1.9/32'))).toBeUndefined();
  });

  it.each([
    ['a block of a pool with disableBGPExport', '10.250.1.0/26', []],
    ['a borrowed address of such a pool', '10.250.9.9/32', [host('10.250.9.9/32')]],
  ])('%s', (_what, prefix, workloads) => {
    expect(told(prefix, ...workloads)).toBe('rejected: IPPool "secret" (10.250.0.0/16) has disableBGPExport set');
  });

  it('an address that no pool has and no filter lets out', () => {
    expect(told('10.252.0.7/32', host('10.252.0.7/32'))).toBe(
      'rejected by default: no BGPFilter accepts it and it is in no IPPool',
    );
  });
});

describe('with the routes of OpenStack, which has no blocks', () => {
  it('each machine is told by a route of its own, in both families', () => {
    const rack = resource('BGPPeer', 'rack', { peerIP: '192.0.2.1', asNumber: 65_001 });
    const resources = [NODE, rack, pool('vms', '10.65.0.0/16'), pool('vms6', 'fd65::/64')];
    const workloads = ['10.65.0.7/32', 'fd65::7/128'].map((text) => ({
      ...parsePrefix(text),
      interface: 'tap0',
      metric: 1024,
    }));
    const state = desiredState(
      clusterView(resources),
      { name: 'n1', namespace: 'x' },
      { workloads, kernel: undefined },
    );
    expect(state.advertisement.routes.map(({ prefix, reason }) => [formatPrefix(prefix), reason])).toEqual([
      ['10.65.0.7/32', 'Workload 10.65.0.7 runs on this node, and the cluster has no blocks.'],
      ['fd65::7/128', 'Workload fd65::7 runs on this node, and the cluster has no blocks.'],
    ]);
    const { export: policy } = [...state.neighbours.values()][0].policies;
    const words = state.advertisement.routes.map(
      ({ prefix }) => judge(policy, formatPrefix(prefix), { source: SOURCE_WORKLOAD, interface: 'tap0' }).why,
    );
    expect(words).toEqual([
      'accepted: it is inside IPPool "vms" (10.65.0.0/16)',
      'accepted: it is inside IPPool "vms6" (fd65::/64)',
    ]);
  });
});

describe('a pool of a rack', () => {
  it('is named while a node outside of it holds a block of it', () => {
    const problems = (nodeSelector: string) =>
      desiredState(
        clusterView([NODE, pool('rack', '10.244.0.0/16', { nodeSelector }), block('10.244.1.0/26')]),
        { name: 'n1', namespace: 'x' },
        { workloads: [], kernel: undefined },
      ).problems;
    expect(problems('rack == "a"')).toEqual([]);
    expect(problems('rack == "b"')).toEqual([
      expect.stringContaining(
        'IPPool rack: nodeSelector: rack == "b" does not pick this node, which holds block 10.244.1.0/26',
      ),
    ]);
  });
});
