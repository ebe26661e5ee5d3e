/** Services, slices and contexts that change in any order. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  advertisement,
  configuration,
  deletion,
  differences,
  followChanges,
  node,
  routesOf,
  seenOf,
  service,
  slice,
} from '../../test/support/service-cluster.ts';
import type { Change } from '../resources/cluster-view.ts';
import { clusterView } from '../resources/cluster-view.ts';
import type { AnyResource } from '../resources/kinds.ts';
import { ServiceAdvertiser } from './service-advertiser.ts';
import { serviceContext } from './service-context.ts';
import type { ServiceContext, ServiceMode } from './service-context.ts';
import type { ServiceRoute } from './service-routes.ts';

/** Any cluster: few names, so that resources meet. */
const NAMES = ['a', 'b', 'c'];
const oneOf = fc.constantFrom;
const anyEndpoint = fc
  .tuple(oneOf('', '!', '~'), oneOf('', 'node-1', 'node-2', 'node-3'), oneOf('', '@a', '@b'), oneOf('', '', '>a', '>b'))
  .map((parts) => parts.join(''))
  .filter((text) => text !== '');
const anySlice = fc
  .record({
    endpoints: fc.array(anyEndpoint, { maxLength: 4 }),
    of: oneOf(...NAMES),
    name: oneOf('s0', 's1', 's2', 's3'),
    type: oneOf('IPv4', 'IPv6', 'FQDN'),
  })
  .map(({ endpoints, ...options }) => slice(endpoints.join(' '), options));
const anyService = fc
  .record({
    name: oneOf(...NAMES),
    app: oneOf('x', 'y'),
    type: oneOf('ClusterIP', 'LoadBalancer'),
    eTP: oneOf(undefined, 'Cluster', 'Local'),
    iTP: oneOf(undefined, 'Cluster', 'Local'),
    trafficDistribution: oneOf(undefined, 'PreferClose', 'PreferSameNode'),
    clusterIPs: oneOf([], ['10.96.0.1'], ['10.96.0.2', 'fd00::2']),
    externalIPs: oneOf([], ['198.51.100.1'], ['192.0.2.1', '203.0.113.1']),
    ingress: oneOf([], ['192.0.2.1'], ['192.0.2.2', '2001:db8::1']),
  })
  .map(({ name, app, eTP, iTP, ingress, ...spec }) =>
    service(
      { ...spec, externalTrafficPolicy: eTP, internalTrafficPolicy: iTP, ipFamilies: ['IPv4', 'IPv6'] },
      { name, labels: { app }, ingress },
    ),
  );
const anyChange: fc.Arbitrary<Change> = fc.oneof(
  anySlice.map((resource): Change => ({ type: 'upsert', resource })),
  anyService.map((resource): Change => ({ type: 'upsert', resource })),
  oneOf('s0', 's1', 's2', 's3').map((name) => deletion('EndpointSlice', name)),
  oneOf(...NAMES).map((name) => deletion('Service', name)),
);
const anyRule = fc.record(
  {
    serviceSelector: oneOf('all()', "app == 'x'", "app == 'y'"),
    addresses: oneOf(['ClusterIP'], ['LoadBalancerIP', 'ExternalIP']),
    scope: oneOf('Node', 'Zone', 'Cluster'),
    topologyKey: oneOf('rack'),
    peerSelector: oneOf("tor == 'a'", "tor == 'b'"),
    communities: oneOf(['1:1'], ['1:2']),
    aggregationLength: oneOf(24, 30),
    weighted: fc.boolean(),
    withdrawDelay: oneOf('1s', '5s'),
  },
  { requiredKeys: ['serviceSelector'] },
);
const anyContext = fc
  .record({
    rules: fc.array(anyRule, { maxLength: 3 }),
    backup: fc.boolean(),
    aggregation: oneOf('Enabled', 'Disabled'),
    single: fc.boolean(),
    excluded: oneOf('true', 'false', 'false', 'false'),
    zone: oneOf('a', 'b'),
    racks: fc.tuple(oneOf('1', '2'), oneOf('1', '2')),
    mode: oneOf<ServiceMode>('mended', 'strict'),
  })
  .map(({ rules, backup, aggregation, single, excluded, zone, racks, mode }) => {
    const labels = { 'node.kubernetes.io/exclude-from-external-load-balancers': excluded, rack: racks[0] };
    const view = clusterView([
      node('node-1', { ...labels, 'topology.kubernetes.io/zone': zone }),
      node('node-2', { 'topology.kubernetes.io/zone': 'a', rack: racks[1] }),
      configuration({
        serviceClusterIPs: [{ cidr: '10.96.0.0/12' }],
        serviceExternalIPs: [{ cidr: '198.51.100.0/24' }, ...(single ? [{ cidr: '192.0.2.1/32' }] : [])],
        serviceLoadBalancerIPs: [{ cidr: '192.0.2.0/24' }, { cidr: '2001:db8::/64' }],
        serviceLoadBalancerAggregation: aggregation,
      }),
      ...rules.map((rule, i) =>
        advertisement(`r${i}`, { ...rule, ...(backup && rule.scope !== 'Cluster' && { others: 'Backup' }) }),
      ),
    ]);
    return { view, mode };
  });

it('comes to the same whatever happened before, and tells each difference', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof({ weight: 6, arbitrary: anyChange }, { weight: 1, arbitrary: anyContext }), { maxLength: 30 }),
      anyContext,
      (steps, first) => {
        const advertiser = new ServiceAdvertiser();
        const resources = new Map<string, AnyResource>();
        const routes = new Map<string, ServiceRoute>();
        let context: ServiceContext | undefined;
        let last = first;
        for (const step of [first, ...steps]) {
          if ('view' in step) {
            last = step;
            context = serviceContext(step.view, { name: 'node-1' }, step.mode, context);
            followChanges(routes, advertiser.setContext(context));
          } else {
            const key =
              step.type === 'upsert'
                ? `${step.resource.kind} ${step.resource.metadata.name}`
                : `${step.kind} ${step.name}`;
            if (step.type === 'upsert') resources.set(key, step.resource);
            else resources.delete(key);
            followChanges(routes, advertiser.change([step]));
          }
          expect(routes).toEqual(advertiser.routes);
        }
        const fresh = new ServiceAdvertiser();
        const all = [...resources.values()].sort((a, b) => (a.metadata.name < b.metadata.name ? 1 : -1));
        fresh.setContext(serviceContext(last.view, { name: 'node-1' }, last.mode));
        fresh.replace(all);
        expect(seenOf(advertiser)).toEqual(seenOf(fresh));
        expect(differences(advertiser.replace(all))).toEqual([]);
        expect(advertiser.counts.aggregates).toBe(
          [...advertiser.routes.values()].filter(({ prefix: { family, length } }) => length < (family === 0 ? 32 : 128))
            .length,
        );
      },
    ),
    { numRuns: 150 },
  );
});

it('leaves nothing behind of what is gone', () => {
  fc.assert(
    fc.property(fc.array(anyChange, { maxLength: 20 }), anyContext, (changes, { view, mode }) => {
      const advertiser = new ServiceAdvertiser();
      advertiser.setContext(serviceContext(view, { name: 'node-1' }, mode));
      const ranges = routesOf(advertiser);
      advertiser.change(changes);
      const gone = ['s0', 's1', 's2', 's3'].map((name) => deletion('EndpointSlice', name));
      advertiser.change([...gone, ...NAMES.map((name) => deletion('Service', name))]);
      expect(routesOf(advertiser)).toEqual(ranges);
      expect(advertiser.counts).toMatchObject({ services: 0, endpoints: 0 });
    }),
    { numRuns: 100 },
  );
});
