import { expect, it } from 'vitest';
import { advertisement, configuration, node, service, slice } from '../../../test/support/service-cluster.ts';
import { applyChanges, clusterView } from '../../resources/cluster-view.ts';
import type { Change } from '../../resources/cluster-view.ts';
import type { AnyResource } from '../../resources/kinds.ts';
import { serviceDifferences } from './service-differences.ts';

const RANGES = configuration({
  serviceClusterIPs: [{ cidr: '10.96.0.0/12' }],
  serviceLoadBalancerIPs: [{ cidr: '192.0.2.0/24' }],
});
const LOCAL = { type: 'LoadBalancer', externalTrafficPolicy: 'Local' };
const WEB = service(LOCAL, { ingress: ['192.0.2.1'], labels: { app: 'web' } });
const BASE = [node('node-1', {}), RANGES, WEB, slice('node-1')];

const remove = (kind: 'Service' | 'EndpointSlice', name: string): Change => {
  return { type: 'delete', kind, namespace: 'default', name };
};

/** What becomes of a cluster with these changes, a line each. */
async function differences(...changed: readonly (AnyResource | Change)[]): Promise<string[]> {
  const before = clusterView(BASE);
  const changes = changed.map((one): Change => ('type' in one ? one : { type: 'upsert', resource: one }));
  const after = applyChanges(before, changes);
  const { routes } = await serviceDifferences({ before, after, changes }, { name: 'node-1' }, 'mended');
  return routes.map(({ prefix, service: of, change, words }) => `${prefix} ${of ?? '-'} ${change}: ${words}`);
}

it('finds nothing where peers are told the same', async () => {
  expect(await differences()).toEqual([]);
  expect(await differences(slice('node-1 node-2'), node('node-2', {}))).toEqual([]);
  expect(await differences(service({ clusterIPs: ['10.96.0.9'] }, { name: 'other' }))).toEqual([]);
  const plain = advertisement('r', { withdrawDelay: '5s', addresses: ['LoadBalancerIP'] });
  expect(await differences(plain, remove('Service', 'web'), WEB)).toEqual([]);
});

it('says of what is withdrawn why nothing asks for it', async () => {
  expect(await differences(slice('!node-1'))).toEqual([
    '192.0.2.1/32 default/web withdrawn: It waits for a ready IPv4 endpoint on this node, because externalTrafficPolicy is Local: 0 of 1 in the cluster is ready. 192.0.2.0/24 of serviceLoadBalancerIPs, which it is in, is announced by every node.',
  ]);
  const none = 'No service has the address then.';
  expect(await differences(remove('Service', 'web'))).toEqual([`192.0.2.1/32 default/web withdrawn: ${none}`]);
  expect(await differences(service(LOCAL, { ingress: [] }))).toEqual([`192.0.2.1/32 default/web withdrawn: ${none}`]);
  expect(await differences(configuration({ serviceLoadBalancerIPs: [{ cidr: '192.0.2.0/24' }] }))).toEqual([
    '10.96.0.0/12 - withdrawn: now there because: It is a range of serviceClusterIPs in BGPConfiguration "default".',
  ]);
});

it('says of what is originated why, and on which terms', async () => {
  const api = service(LOCAL, { name: 'api', ingress: ['192.0.2.2'] });
  expect(await differences(api, slice('node-1 node-2', { of: 'api', name: 'api-1' }))).toEqual([
    '192.0.2.2/32 default/api originated: 1 of 2 ready endpoints is on this node, and externalTrafficPolicy is Local.',
  ]);
  const rule = advertisement('r', {
    addresses: ['ClusterIP'],
    peerSelector: "rack == 'a'",
    communities: ['64512:2', '64512:1'],
    localPreference: 200,
    med: 10,
    prepend: 1,
    weighted: true,
  });
  const told = 'LOCAL_PREF 200, MED 10, own AS prepended once, communities 64512:1 64512:2, bandwidth 10 Mbit/s';
  const found = await differences(rule);
  expect(found.map((line) => line.replace(/: .*? Told/, ': Told'))).toEqual([
    expect.stringMatching(/^192\.0\.2\.1\/32 default\/web withdrawn: /),
    `10.96.0.10/32 default/web originated: Told to the peers that rack == 'a' picks, ${told}.`,
  ]);
});

it('says of a route that stays on which terms it is told then, and now', async () => {
  const rule = { addresses: ['LoadBalancerIP'], scope: 'Node', others: 'Backup' };
  expect(await differences(advertisement('r', { ...rule, communities: ['64512:1'] }))).toEqual([
    '192.0.2.1/32 default/web changed: Told to all peers, communities 64512:1; now to all peers.',
  ]);
  const backup = { ...rule, backup: { med: 50, prepend: 2, communities: ['64512:9'] } };
  const anyNode = service({ type: 'LoadBalancer' }, { ingress: ['192.0.2.1'] });
  expect(await differences(advertisement('r', backup), anyNode, slice('node-2'))).toEqual([
    '192.0.2.1/32 default/web changed: Told to all peers, as backup, LOCAL_PREF 50, MED 50, own AS prepended 2 times, communities 64512:9; now to all peers.',
  ]);
});
