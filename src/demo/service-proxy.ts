/**
 * In the place of kube-proxy: rules of nftables that lead from the addresses of services to pods.
 */
import { spawnSync } from 'node:child_process';
import type { Fabric } from './fabric.ts';
import type { Addresses, DemoNode, DemoService, Topology } from './topology.ts';

/** nft may be where the PATH of users does not lead. */
const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;

const FAMILIES = [
  { key: 'ipv4', nft: 'ip' },
  { key: 'ipv6', nft: 'ip6' },
] as const;

/** Sets the rules up on every node. Returns in words why that could not be done. */
export function startServiceProxies(topology: Topology, fabric: Fabric): string | undefined {
  for (const node of topology.nodes) {
    const input = rules(topology, node);
    const { error, status, stderr } = fabric
      .at(node.name)
      .run(() => spawnSync('nft', ['--file', '-'], { input, encoding: 'utf8', env: { ...process.env, PATH } }));
    if (error !== undefined) return `nft can't be started (${error.message})`;
    if (status !== 0) return `nft refuses its rules (${stderr.split('\n', 1)[0]})`;
  }
  return undefined;
}

function rules(topology: Topology, node: DemoNode): string {
  const toPods = topology.services.flatMap((service) => {
    const pod = podOf(topology, node, service);
    if (pod === undefined) return [];
    return FAMILIES.map(({ key, nft }) => `${nft} daddr ${service.address[key]} dnat ${nft} to ${pod[key]}`);
  });
  // What goes on to another node has to come back over this one.
  const andBack = FAMILIES.map(
    ({ key, nft }) => `ct status & dnat == dnat meta nfproto ${key} snat ${nft} to ${node.pod[key]}`,
  );
  return `table inet services {
  chain to-pods {
    type nat hook prerouting priority dstnat
    ${toPods.join('\n    ')}
  }
  chain and-back {
    type nat hook postrouting priority srcnat
    ${andBack.join('\n    ')}
  }
}
`;
}

/** The pod that a node sends the traffic of a service to: its own one, or, where it may, that of another node. */
function podOf({ nodes }: Topology, node: DemoNode, { podsOn, scope }: DemoService): Addresses | undefined {
  if (podsOn.includes(node.name)) return node.pod;
  return scope === 'Node' ? undefined : nodes.find(({ name }) => podsOn.includes(name))?.pod;
}
