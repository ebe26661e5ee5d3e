/**
 * What the demo's routers are told: the resources of the cluster, which all of them read, and a configuration each.
 */
import { stringify } from 'yaml';
import { POD_POOLS } from './topology.ts';
import type { DemoLink, DemoNode, DemoRouter, Topology } from './topology.ts';

const OWN_ROUTES_ONLY = 'own-routes-only';

/** A resource, as `kubectl apply` takes it. */
interface Manifest {
  readonly apiVersion: 'projectcalico.org/v3';
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: unknown;
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
  const file = (manifests: readonly Manifest[]) => manifests.map((manifest) => stringify(manifest)).join('---\n');
  return new Map([
    ['cluster.yaml', file([configuration(), ...pools(), ownRoutesOnly()])],
    ['nodes.yaml', file([...topology.tors, ...topology.nodes].map((router) => node(router)))],
    ['blocks.yaml', file(topology.nodes.flatMap((owner) => blocks(owner)))],
    ['peers.yaml', file(topology.links.flatMap((link) => peers(topology, link)))],
  ]);
}

function configuration(): Manifest {
  return manifest('BGPConfiguration', 'default', { nodeToNodeMeshEnabled: false });
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

function node(router: DemoRouter): Manifest {
  return manifest('Node', router.name, { bgp: { asNumber: router.asn, ipv4Address: `${router.address}/32` } });
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

function manifest(kind: string, name: string, spec: unknown): Manifest {
  return { apiVersion: 'projectcalico.org/v3', kind, metadata: { name }, spec };
}
