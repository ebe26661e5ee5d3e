import { describe, expect, it } from 'vitest';
import { clusterView } from '../../resources/cluster-view.ts';
import { parseResource } from '../../resources/parse-resource.ts';
import { DesiredStateComputer } from '../desired-state.ts';
import { configDiff } from './config-diff.ts';
import { serviceDifferences } from './service-differences.ts';

const V3 = 'projectcalico.org/v3';
const manifest = (kind: string, name: string, spec: object) => ({ apiVersion: V3, kind, metadata: { name }, spec });
const node = (i: number, asNumber = 64512) =>
  manifest('Node', `node-${i}`, { bgp: { asNumber, ipv4Address: `10.0.0.${i}/24` } });
const peer = (more: object = {}) => manifest('BGPPeer', 'tor', { peerIP: '192.0.2.1', asNumber: 64513, ...more });
const block = (cidr: string) =>
  manifest('BlockAffinity', cidr.replaceAll(/[./]/g, '-'), { cidr, node: 'node-1', state: 'confirmed' });
const secret = (password: string) => {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'keys', namespace: 'kube-system' },
    stringData: { password },
  };
};
const withPassword = peer({ password: { secretKeyRef: { name: 'keys', key: 'password' } } });

function diff(before: readonly object[], resources: readonly object[], whole = false) {
  const parsed = before.map((one) => parseResource(one));
  const view = clusterView(parsed.flatMap((one) => (one.ok ? [one.resource] : [])));
  const computer = new DesiredStateComputer();
  const identity = { name: 'node-1', namespace: 'kube-system' };
  return configDiff(
    view,
    { resources: [...resources], whole },
    {
      desired: (other) => computer.compute(other, identity, { workloads: [], kernel: { felix: 'absent' } }),
      services: (change) => serviceDifferences(change, identity, 'mended'),
    },
  );
}

const CLUSTER = [node(1), node(2), peer(), block('10.1.0.0/26')];

describe('configDiff', () => {
  it('finds nothing where nothing is different', async () => {
    expect(await diff(CLUSTER, [peer(), node(2)])).toMatchObject({ different: false, valid: true, resources: [] });
    expect(await diff(CLUSTER, CLUSTER, true)).toMatchObject({ different: false, resources: [] });
    const unused = await diff(CLUSTER, [manifest('BGPFilter', 'unused', {})]);
    expect(unused).toMatchObject({
      different: false,
      resources: [{ kind: 'BGPFilter', name: 'unused', change: 'added' }],
    });
  });

  it('says which routes to services come, go, and are told otherwise', async () => {
    const metadata = (name: string, more: object = {}) => ({ name, namespace: 'default', ...more });
    const service = (name: string, ip: string, labels: object = {}) => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: metadata(name, { labels }),
      spec: { type: 'LoadBalancer', externalTrafficPolicy: 'Local', clusterIP: '10.96.0.1' },
      status: { loadBalancer: { ingress: [{ ip }] } },
    });
    const slice = (of: string, ready: boolean) => ({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: metadata(`${of}-1`, { labels: { 'kubernetes.io/service-name': of } }),
      addressType: 'IPv4',
      endpoints: [{ nodeName: 'node-1', conditions: { ready } }],
    });
    const ranges = manifest('BGPConfiguration', 'default', { serviceLoadBalancerIPs: [{ cidr: '203.0.113.0/24' }] });
    const services = [service('a', '203.0.113.1'), slice('a', true), service('b', '203.0.113.2'), slice('b', false)];
    const told = async (resources: readonly object[]) => {
      const { routes, different } = await diff([...CLUSTER, ranges, ...services], resources);
      expect(different).toBe(routes.length > 0);
      return routes.map(({ prefix, change }) => `${prefix} ${change}`);
    };
    expect(await told([slice('a', true), peer()])).toEqual([]);
    expect(await told([slice('a', false), slice('b', true)])).toEqual([
      '203.0.113.1/32 withdrawn',
      '203.0.113.2/32 originated',
    ]);
    const unknown = await diff([ranges, ...services], [node(1)]);
    expect(unknown.routes).toMatchObject([
      { prefix: '203.0.113.0/24', service: null, change: 'originated' },
      { prefix: '203.0.113.1/32', service: 'default/a', change: 'originated' },
    ]);
    const advertisement = { apiVersion: 'starling.dev/v1alpha1', kind: 'ServiceAdvertisement' };
    const spec = { communities: ['64512:1'] };
    expect(await told([{ ...advertisement, metadata: { name: 'all' }, spec }])).toEqual(['203.0.113.1/32 changed']);
    const zonal = { ...advertisement, metadata: { name: 'zonal' }, spec: { scope: 'Zone' } };
    expect((await diff(CLUSTER, [zonal])).newProblems).toEqual([
      expect.stringMatching(/^ServiceAdvertisement zonal: scope: This node has no label/),
    ]);
    expect((await diff([...CLUSTER, zonal], CLUSTER, true)).solvedProblems).toHaveLength(1);
  });

  it('says which peers come, go, are reset and go on with other routes', async () => {
    const { peers, resources } = await diff(CLUSTER, [node(2, 64999), node(3), peer({ numAllowedLocalASNumbers: 1 })]);
    expect(resources.map(({ name, change }) => `${name} ${change}`)).toEqual([
      'node-2 changed',
      'node-3 added',
      'tor changed',
    ]);
    expect(peers.map(({ peer: key, name, change, words }) => [key, name, change, words[0]])).toEqual([
      ['192.0.2.1', 'tor', 'policy', 'allowLocalAs: 0 becomes 1'],
      ['10.0.0.2', 'node-2', 'reset', 'peerAs: 64512 becomes 64999'],
      ['10.0.0.3', 'node-3', 'added', expect.stringContaining('node-to-node mesh')],
    ]);
    const without = await diff(CLUSTER, [node(1), peer()], true);
    expect(without.peers).toMatchObject([
      { peer: '10.0.0.2', change: 'removed' },
      { peer: '192.0.2.1', change: 'policy', words: ['what it is told is decided anew'] },
    ]);
    expect(without.routes).toMatchObject([{ prefix: '10.1.0.0/26', change: 'withdrawn' }]);
  });

  it('says what of the node itself changes, and which routes', async () => {
    const { node: words, routes } = await diff(CLUSTER, [node(1, 64900), block('10.1.0.64/26')]);
    expect(words).toEqual(['The AS of this node becomes 64900 (now 64512): all sessions are set up anew.']);
    expect(routes).toMatchObject([{ prefix: '10.1.0.64/26', change: 'originated' }]);
  });

  it('tells passwords apart without telling them', async () => {
    const text = JSON.stringify(await diff([...CLUSTER, withPassword, secret('first one')], [secret('second one')]));
    expect(text).not.toMatch(/(first|second) one/);
    expect(JSON.parse(text)).toMatchObject({
      peers: [{ peer: '192.0.2.1', change: 'password', words: ['password changes'] }],
    });
    const missing = await diff(CLUSTER, [withPassword]);
    expect(missing.peers).toMatchObject([{ change: 'reset', heldDown: expect.stringContaining('keys') }]);
  });

  it('names what is wrong with resources, and problems that come up', async () => {
    const { valid, problems, newProblems } = await diff(CLUSTER, [
      peer({ asNumber: 'many' }),
      peer({ filters: ['none'] }),
    ]);
    expect(valid).toBe(false);
    expect(problems).toMatchObject([
      { where: 'resources[0]', severity: 'error', message: expect.stringContaining('asNumber') },
    ]);
    expect(newProblems).toEqual([expect.stringContaining('BGPFilter none')]);
  });
});
