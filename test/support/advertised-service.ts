/** A service that ServiceAdvertisements pick, in a cluster of three nodes. */
import type { ServiceAdvertiser } from '../../src/advertiser/service-advertiser.ts';
import type { ServiceTerms } from '../../src/advertiser/service-routes.ts';
import { termsFor } from '../../src/advertiser/terms.ts';
import type { AnyResource } from '../../src/resources/kinds.ts';
import { advertisement, advertiserOf, configuration, node, service, slice } from './service-cluster.ts';

const ZONE = 'topology.kubernetes.io/zone';
/** Of the service's load balancer. */
export const IP = '192.0.2.1/32';
const NODES = [
  node('node-1', { [ZONE]: 'a', rack: '1' }),
  node('node-2', { [ZONE]: 'a', rack: '2' }),
  node('node-3', { [ZONE]: 'b', rack: '1' }),
];

/** What differs from a service without endpoints. */
export interface Cluster {
  readonly spec?: object;
  readonly ingress?: readonly object[];
  readonly labels?: Record<string, string>;
  readonly endpoints?: string;
  readonly slices?: readonly AnyResource[];
  readonly nodes?: readonly AnyResource[];
  readonly settings?: object;
  readonly others?: readonly AnyResource[];
}

/** A service with load balancer address 192.0.2.1 on node-1 (zone a, rack 1), and ServiceAdvertisements r0, r1, … */
export function advertiser(rules: readonly object[], cluster: Cluster = {}): ServiceAdvertiser {
  const {
    spec = {},
    ingress = [{ ip: '192.0.2.1' }],
    labels = {},
    endpoints = '',
    slices = [],
    nodes = NODES,
    settings = {},
    others = [],
  } = cluster;
  const lb = { type: 'LoadBalancer', externalTrafficPolicy: 'Cluster', ...spec };
  return advertiserOf([
    ...nodes,
    configuration({ serviceLoadBalancerIPs: [{ cidr: '192.0.2.0/24' }], ...settings }),
    service(lb, { labels, ingress }),
    ...(endpoints === '' ? [] : [slice(endpoints)]),
    ...slices,
    ...rules.map((rule, i) => advertisement(`r${i}`, rule)),
    ...others,
  ]);
}

/** What a peer is told of a route; peers are named by the selectors that pick them. */
export function told(of: ServiceAdvertiser, route = IP, peer: readonly string[] = []): ServiceTerms | undefined {
  const label = of.routes.get(route)?.label;
  return label === undefined ? undefined : termsFor(of.labels.offersOf(label), (text) => peer.includes(text));
}

/** The role in which a peer is told. */
export const role = (of: ServiceAdvertiser, ...peer: string[]) => told(of, IP, peer)?.role ?? 'none';
