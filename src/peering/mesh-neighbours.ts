/** The neighbours that the node-to-node mesh gives this node. */
import { FAMILIES, IPV4_UNICAST } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import { bgpSettings } from '../resources/bgp-settings.ts';
import type { ClusterView } from '../resources/cluster-view.ts';
import type { Node } from '../resources/kinds/node.ts';
import type { PeerAddress } from '../resources/peer-address.ts';
import { authentication } from './authentication.ts';
import type { Neighbour, NodeAddresses } from './neighbour.ts';
import { nodeAddresses, nodeAs } from './self.ts';
import type { Self } from './self.ts';
import { HOLD_TIME, clusterIdOf, localAddressFor, neighbourKey, reflection, waitsFor } from './session-terms.ts';

/**
 * Neighbours by node name, a session for each family in which both nodes have an address. Route reflectors take no part,
 * on either side.
 */
export function meshNeighbours(view: ClusterView, self: Self): readonly Neighbour[] {
  if (!bgpSettings(view).nodeToNodeMeshEnabled || self.clusterId !== undefined) return [];
  return view
    .list('Node')
    .filter((node) => node.metadata.name !== self.name && clusterIdOf(node) === undefined)
    .flatMap((node) => {
      const remotes = FAMILIES.flatMap((family) => remoteAddress(self, node, family) ?? []);
      return remotes.map((remote) => {
        // With two sessions each carries its own family, as Calico's nodes do, so that no route arrives twice.
        const families = remotes.length > 1 ? [remote.family] : FAMILIES;
        return describeNeighbour(view, self, node, remote, families);
      });
    });
}

/** Where to reach a node in a family, if this node can. */
function remoteAddress(self: Self, node: Node, family: Family): PeerAddress | undefined {
  const own = addressOf(self.addresses, family);
  const address = addressOf(nodeAddresses(node), family);
  // Two nodes with one address are a mistake, but not one to make a node peer with itself.
  if (own === undefined || address === undefined || own === address) return undefined;
  return { address, family, port: undefined };
}

function addressOf({ ipv4, ipv6 }: NodeAddresses, family: Family): string | undefined {
  return family === IPV4_UNICAST ? ipv4 : ipv6;
}

function describeNeighbour(
  view: ClusterView,
  self: Self,
  node: Node,
  remote: PeerAddress,
  families: readonly Family[],
): Neighbour {
  const { name } = node.metadata;
  const settings = bgpSettings(view, name);
  const peerAs = nodeAs(view, node);
  const external = peerAs !== self.asn;
  const port = settings.listenPort;
  const localAddress = localAddressFor(remote, self);
  const key = neighbourKey(remote, port);
  const { note, ...terms } = authentication(settings.nodeMeshPassword, view, self.namespace);
  return {
    key,
    address: remote.address,
    port,
    peerAs,
    localAs: self.asn,
    external,
    ...(localAddress !== undefined && { localAddress }),
    localAddresses: self.addresses,
    holdTime: HOLD_TIME,
    restartTime: Math.round(settings.nodeMeshMaxRestartSeconds),
    passive: waitsFor(remote, self),
    families,
    addPaths: { send: true, receive: true },
    gracefulRestartMode: 'full',
    localPreference: 'auto',
    allowLocalAs: 0,
    nextHopMode: 'auto',
    filters: [],
    ...reflection(self, external, node),
    ...terms,
    type: 'mesh',
    nodeName: name,
    source: 'node-to-node mesh',
    reason: `The node-to-node mesh makes this node peer with node "${name}" at ${key} (AS ${peerAs}, ${external ? 'eBGP' : 'iBGP'}).${note}`,
  };
}
