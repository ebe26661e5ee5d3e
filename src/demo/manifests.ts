/**
 * What the demo's routers are told: the resources of the cluster, which all of them read, and a configuration each.
 */
import { stringify } from 'yaml';
import { POD_POOLS, SERVICE_RANGES } from './topology.ts';
import type { DemoLink, DemoNode, DemoRouter, DemoService, Topology } from './topology.ts';

const OWN_ROUTES_ONLY = 'own-routes-only';

/** A resource, as `kubectl apply` takes it. */
interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
}

/** Where the files of one router are. */
export interface RouterFiles {
  readonly resources: string;
  readonly cache: string;
  readonly socket: string;
}

/** The configuration of starlingd on one router. */
export function daemonConfig(router: DemoRouter, files: RouterFiles): string {
  return stringify({
    nodeName: router.name,
    datastore: { type: 'file', file: { path: files.resources }, cache: files.cache },
    fib: { enabled: true, protocol: 'bird', maxPaths: 16 },
    api: { socket: files.socket, http: '127.0.0.1:8179' },
  });
}

/** The resources of the cluster, by file name. */
export function clusterManifests(topology: Topology): ReadonlyMap<string, string> {
  const file = (manifests: readonly object[]) => manifests.map((manifest) => stringify(manifest)).join('---\n');
  return new Map([
    ['cluster.yaml', file([configuration(), ...pools(), ownRoutesOnly()])],
    [
      'nodes.yaml',
      file([...topology.tors.map((tor) => switchNode(tor)), ...topology.nodes.map((one) => clusterNode(one))]),
    ],
    ['blocks.yaml', file(topology.nodes.flatMap((owner) => blocks(owner)))],
    ['peers.yaml', file(topology.links.flatMap((link) => peers(topology, link)))],
    ['services.yaml', file([byRack(), ...topology.services.flatMap((service) => serviceManifests(topology, service))])],
  ]);
}

function configuration(): Manifest {
  return manifest('BGPConfiguration', 'default', {
    nodeToNodeMeshEnabled: false,
    serviceLoadBalancerIPs: [{ cidr: SERVICE_RANGES.ipv4 }, { cidr: SERVICE_RANGES.ipv6 }],
    // Each address by itself.
    serviceLoadBalancerAggregation: 'Disabled',
  });
}

function pools(): Manifest[] {
  return [
    manifest('IPPool', 'pods-ipv4', { cidr: POD_POOLS.ipv4, ipipMode: 'Never', vxlanMode: 'Never' }),
    manifest('IPPool', 'pods-ipv6', { cidr: POD_POOLS.ipv6, ipipMode: 'Never', vxlanMode: 'Never' }),
  ];
}

/** Keeps nodes from offering themselves as a way from one switch to the other. */
function ownRoutesOnly(): Manifest {
  const rules = [{ source: 'RemotePeers', action: 'Reject' }];
  return manifest('BGPFilter', OWN_ROUTES_ONLY, { exportV4: rules, exportV6: rules });
}

function node(router: DemoRouter, labels: Readonly<Record<string, string>>): Manifest {
  const spec = { bgp: { asNumber: router.asn, ipv4Address: `${router.address}/32` } };
  return { ...manifest('Node', router.name, spec), metadata: { name: router.name, labels } };
}

function clusterNode(one: DemoNode): Manifest {
  return node(one, { 'topology.kubernetes.io/zone': one.rack });
}

/** A switch runs no pods and is no way to them by itself. */
function switchNode(tor: DemoRouter): Manifest {
  return node(tor, { 'node.kubernetes.io/exclude-from-external-load-balancers': 'true' });
}

/** For services with scope Zone, which have a label that says so. */
function byRack(): Manifest {
  return {
    ...manifest('ServiceAdvertisement', 'by-rack', {
      serviceSelector: 'scope == "Zone"',
      scope: 'Zone',
      others: 'Backup',
      backup: { communities: ['64512:100'] },
    }),
    apiVersion: 'starling.dev/v1alpha1',
  };
}

/** A service as Kubernetes and its load balancer would have it, with its endpoints. */
function serviceManifests({ nodes }: Topology, service: DemoService): object[] {
  const { name, scope, address, clusterAddress, podsOn } = service;
  const slice = (family: keyof DemoService['address'], addressType: string) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${name}-${family}`, namespace: 'default', labels: { 'kubernetes.io/service-name': name } },
    addressType,
    endpoints: nodes
      .filter((one) => podsOn.includes(one.name))
      .map(({ name: nodeName, rack: zone, pod }) => ({ addresses: [pod[family]], nodeName, zone })),
  });
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: 'default', labels: { scope } },
      spec: {
        type: 'LoadBalancer',
        clusterIPs: [clusterAddress.ipv4, clusterAddress.ipv6],
        externalTrafficPolicy: scope === 'Node' ? 'Local' : 'Cluster',
      },
      status: { loadBalancer: { ingress: [{ ip: address.ipv4 }, { ip: address.ipv6 }] } },
    },
    slice('ipv4', 'IPv4'),
    slice('ipv6', 'IPv6'),
  ];
}

function blocks({ name, blocks }: DemoNode): Manifest[] {
  return [blocks.ipv4, blocks.ipv6].map((cidr) =>
    manifest('BlockAffinity', `${name}-${cidr.replaceAll(/[.:/]+/g, '-')}`, {
      cidr,
      node: name,
      state: 'confirmed',
      deleted: 'false',
    }),
  );
}

/** Both ends of a link name each other; one session carries both families (RFC 4760). */
function peers(topology: Topology, link: DemoLink): Manifest[] {
  const routers = [...topology.tors, ...topology.nodes];
  return [
    { own: link.node, other: link.tor, filters: [OWN_ROUTES_ONLY] },
    { own: link.tor, other: link.node, filters: [] },
  ].map(({ own, other, filters }) =>
    manifest('BGPPeer', `${own.router}-to-${other.router}`, {
      node: own.router,
      peerIP: other.address.ipv4,
      asNumber: routers.find(({ name }) => name === other.router)!.asn,
      // The session is between the addresses of the link, not between those that the routers are known by.
      sourceAddress: 'None',
      ...(filters.length > 0 && { filters }),
    }),
  );
}

function manifest(kind: string, name: string, spec: unknown): Manifest & { readonly spec: unknown } {
  return { apiVersion: 'projectcalico.org/v3', kind, metadata: { name }, spec };
}
