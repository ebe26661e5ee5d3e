/** The neighbour that a BGPPeer gives this node. */
import { FAMILIES } from '../net/family.ts';
import { bgpSettings } from '../resources/bgp-settings.ts';
import type { ClusterView } from '../resources/cluster-view.ts';
import { durationSeconds } from '../resources/duration.ts';
import type { BGPPeer } from '../resources/kinds/bgp-peer.ts';
import type { Node } from '../resources/kinds/node.ts';
import { parsePeerIP } from '../resources/peer-address.ts';
import type { PeerAddress } from '../resources/peer-address.ts';
import { parseSelector } from '../resources/selector.ts';
import type { Labels } from '../resources/selector.ts';
import { authentication } from './authentication.ts';
import type { Neighbour, NextHopMode } from './neighbour.ts';
import type { PeeringProblem } from './problem.ts';
import { nodeAddresses, nodeAs } from './self.ts';
import type { Self } from './self.ts';
import { BGP_PORT, HOLD_TIME, localAddressFor, neighbourKey, reflection, waitsFor } from './session-terms.ts';

/** Seconds for graceful restart, as BIRD's and so Calico's. */
const RESTART_TIME = 120;

/** The longest hold time there is, in seconds (RFC 4271 §4.2: two octets). */
const MAX_HOLD_TIME = 65535;

type PeerSpec = BGPPeer['spec'];

/** What one BGPPeer means for this node. */
export interface PeerOutcome {
  readonly neighbour?: Neighbour;
  readonly problems: readonly PeeringProblem[];
}

/** Whether a BGPPeer is about all nodes. */
export function isGlobal({ spec }: BGPPeer): boolean {
  return !isSet(spec.node) && !isSet(spec.nodeSelector);
}

/** The neighbour that a BGPPeer gives this node; none where it is about other nodes, or names this one. */
export function bgpPeerNeighbour(view: ClusterView, self: Self, labels: Labels, peer: BGPPeer): PeerOutcome {
  const { spec } = peer;
  const about = isAbout(spec, self.name, labels);
  const remote = spec.peerIP === undefined ? undefined : parsePeerIP(spec.peerIP);
  if (remote === undefined) {
    return {
      problems: about ? [unsupported(peer, isSet(spec.peerSelector) ? 'peerSelector' : 'localWorkloadSelector')] : [],
    };
  }
  if (remote.address === self.addresses.ipv4 || remote.address === self.addresses.ipv6) {
    return { problems: reverseProblems(peer, self) };
  }
  if (!about) return { problems: [] };
  const problems = spec.reachableBy === undefined ? [] : [unsupported(peer, 'reachableBy')];
  return { neighbour: describeNeighbour(view, self, peer, remote), problems };
}

/** Whether a BGPPeer is about the node of this name and these labels. */
function isAbout(spec: PeerSpec, name: string, labels: Labels): boolean {
  if (isSet(spec.node)) return spec.node === name;
  return spec.nodeSelector === undefined || parseSelector(spec.nodeSelector).matches(labels);
}

/** Calico writes a text that is not set as absent or empty. */
function isSet(text: string | undefined): boolean {
  return text !== undefined && text !== '';
}

function unsupported(peer: BGPPeer, field: 'peerSelector' | 'localWorkloadSelector' | 'reachableBy'): PeeringProblem {
  const consequence =
    field === 'reachableBy'
      ? 'the session comes up only if there is a route to the neighbour already.'
      : 'the BGPPeer gives no neighbour. Name the neighbour with peerIP.';
  return problem(peer, field, `This is not supported yet: ${consequence}`);
}

/** From a node that a BGPPeer names as the neighbour, Calico peers back to the nodes that the BGPPeer is about. */
function reverseProblems(peer: BGPPeer, self: Self): readonly PeeringProblem[] {
  if (peer.spec.reversePeering === 'Manual' || peer.spec.asNumber !== self.asn) return [];
  const message =
    'The address is that of this node, and peering back from it is not supported yet. Add BGPPeers for this node, and set reversePeering to Manual here.';
  return [problem(peer, 'peerIP', message)];
}

function problem(peer: BGPPeer, field: string, message: string): PeeringProblem {
  return { resource: `BGPPeer ${peer.metadata.name}`, field, message };
}

function describeNeighbour(view: ClusterView, self: Self, peer: BGPPeer, remote: PeerAddress): Neighbour {
  const { spec } = peer;
  const peerAs = spec.asNumber ?? bgpSettings(view).asNumber;
  const localAs = spec.localASNumber ?? self.asn;
  const external = peerAs !== localAs;
  const node = nodeAt(view, remote.address);
  const port = remote.port ?? listenPort(view, node, peerAs);
  const localAddress = spec.sourceAddress === 'UseNodeIP' ? localAddressFor(remote, self) : undefined;
  const key = neighbourKey(remote, port);
  const { note, ...terms } = authentication(spec.password, view, self.namespace);
  return {
    key,
    address: remote.address,
    port,
    peerAs,
    localAs,
    external,
    ...(localAddress !== undefined && { localAddress }),
    localAddresses: self.addresses,
    ...timers(spec),
    // Nodes that a BGPPeer for all nodes makes peer with each other agree on who connects, as in the mesh.
    passive: isGlobal(peer) && node !== undefined && waitsFor(remote, self),
    families: FAMILIES,
    addPaths: { send: true, receive: true },
    gracefulRestartMode: 'full',
    localPreference: 'auto',
    ...(spec.ttlSecurity !== undefined && spec.ttlSecurity > 0 && { ttlSecurity: spec.ttlSecurity }),
    allowLocalAs: spec.numAllowedLocalASNumbers ?? 0,
    nextHopMode: nextHopMode(spec, external),
    filters: spec.filters,
    ...reflection(self, external, node),
    ...terms,
    type: isGlobal(peer) ? 'global' : 'node',
    ...(node !== undefined && { nodeName: node.metadata.name }),
    source: `BGPPeer ${peer.metadata.name}`,
    reason: `BGPPeer "${peer.metadata.name}" makes ${whoInWords(spec)} peer with ${key} (AS ${peerAs}, ${external ? 'eBGP' : 'iBGP'}).${note}`,
  };
}

/** The node of the cluster that has an address. */
function nodeAt(view: ClusterView, address: string): Node | undefined {
  return view.list('Node').find((node) => {
    const { ipv4, ipv6 } = nodeAddresses(node);
    return address === ipv4 || address === ipv6;
  });
}

/** The port where a neighbour listens that is given without one: a node of the cluster says so itself. */
function listenPort(view: ClusterView, node: Node | undefined, peerAs: number): number {
  if (node === undefined || nodeAs(view, node) !== peerAs) return BGP_PORT;
  return bgpSettings(view, node.metadata.name).listenPort;
}

/** A keepalive time that is too long for the usual hold time makes the hold time longer (RFC 4271 §4.4). */
function timers(spec: PeerSpec): Pick<Neighbour, 'holdTime' | 'keepaliveTime' | 'restartTime'> {
  const keepaliveTime = wholeSeconds(spec.keepaliveTime);
  return {
    holdTime: Math.min(Math.max(HOLD_TIME, 3 * (keepaliveTime ?? 0)), MAX_HOLD_TIME),
    ...(keepaliveTime !== undefined && { keepaliveTime }),
    restartTime: wholeSeconds(spec.maxRestartTime) ?? RESTART_TIME,
  };
}

/** Seconds of a duration, rounded; undefined where it is not set, or is nothing. */
function wholeSeconds(duration: string | undefined): number | undefined {
  const rounded = Math.round(durationSeconds(duration ?? '0') ?? 0);
  return rounded === 0 ? undefined : rounded;
}

function nextHopMode({ nextHopMode: mode, keepOriginalNextHop }: PeerSpec, external: boolean): NextHopMode {
  if (mode === 'Self') return 'self';
  if (mode === 'Keep') return 'keep';
  // The older field counts for eBGP only.
  return mode === undefined && keepOriginalNextHop && external ? 'keep' : 'auto';
}

function whoInWords({ node, nodeSelector }: PeerSpec): string {
  if (isSet(node)) return `node "${node}"`;
  return isSet(nodeSelector) ? `the nodes that match ${nodeSelector}` : 'every node';
}
