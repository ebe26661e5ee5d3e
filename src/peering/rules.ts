/** What makes this node peer with others: BGPPeers, BGPPeers the other way round, and the node-to-node mesh. */
import { FAMILIES } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import type { BGPPeer } from '../resources/kinds/bgp-peer.ts';
import type { Node } from '../resources/kinds/node.ts';
import { parsePeerIP } from '../resources/peer-address.ts';
import type { PeerAddress } from '../resources/peer-address.ts';
import { parseSelector } from '../resources/selector.ts';
import type { Labels } from '../resources/selector.ts';
import type { PeeringContext } from './context.ts';
import type { NeighbourType } from './neighbour.ts';
import { clusterIdOf } from './session-terms.ts';
import { labelWords } from './step.ts';
import { meshTerms, peerTerms, reverseTerms } from './terms.ts';
import type { Terms } from './terms.ts';

interface RuleBase {
  /** As `Neighbour.source`. */
  readonly source: string;
  /** Undefined for the mesh. */
  readonly peer: BGPPeer | undefined;
  /** Whether this node is the one that the BGPPeer peers with. */
  readonly reverse: boolean;
  /** Type of the neighbours. */
  readonly type: NeighbourType;
  readonly terms: Terms;
  /** Why there is a neighbour, as a sentence without its end; `end` is the neighbour in words, `name` that of the node or workload. */
  readonly reason: (end: string, name: string | undefined) => string;
}

/** Peers with an address. */
export interface AddressRule extends RuleBase {
  readonly ends: 'address';
  readonly remote: PeerAddress;
  readonly peerAs: number;
}

/** Peers with nodes of the cluster. */
export interface NodeRule extends RuleBase {
  readonly ends: 'nodes';
  /** Families over which there may be sessions. */
  readonly families: readonly Family[];
  readonly selects: (node: Node) => boolean;
  /** Why a node is not selected, as a sentence. */
  readonly refusal: (node: Node) => string;
  /** Whether `topologyKey` of a PeerProfile counts: the nodes are found by what they are, not by an address. */
  readonly isTopological: boolean;
  /** Whether the BGPPeer both is about this node and selects it. */
  readonly isMutual: boolean;
  /** AS of a node in its sessions, where it isn't the node's own. */
  readonly peerAs: (node: Node) => number | undefined;
}

/** Peers with workloads of this node. */
export interface WorkloadRule extends RuleBase {
  readonly ends: 'workloads';
  readonly peerAs: number;
  readonly selects: (labels: Labels) => boolean;
}

export type Rule = AddressRule | NodeRule | WorkloadRule;

/**
 * The rules that hold for this node; of neighbours with the same key the one of the first rule counts. Calico takes the
 * BGPPeers of each group as they come, here they are sorted by name.
 */
export function peeringRules(context: PeeringContext): readonly Rule[] {
  const peers = context.view.list('BGPPeer');
  const ordered = [...peers.filter(isGlobal), ...peers.filter((peer) => !isGlobal(peer))];
  const mesh = meshRule(context);
  return [
    ...ordered.flatMap((peer) => forwardRule(context, peer) ?? []),
    ...ordered.flatMap((peer) => reverseRule(context, peer) ?? []),
    ...(mesh === undefined ? [] : [mesh]),
  ];
}

/** Whether two rules, made from the same settings of the cluster for the same node, give the same neighbours. */
export function sameRule(one: Rule, other: Rule): boolean {
  return (
    one.source === other.source &&
    one.peer === other.peer &&
    one.reverse === other.reverse &&
    (one.ends === 'nodes' && one.isMutual) === (other.ends === 'nodes' && other.isMutual) &&
    JSON.stringify(one.terms) === JSON.stringify(other.terms)
  );
}

/** Whether a BGPPeer is about all nodes. */
export function isGlobal({ spec }: BGPPeer): boolean {
  return !isSet(spec.node) && !isSet(spec.nodeSelector);
}

/** Calico writes a text that is not set as absent or empty. */
function isSet(text: string | undefined): text is string {
  return text !== undefined && text !== '';
}

/** Whether a BGPPeer is about a node, by its name and labels. */
function aboutWhom({ spec }: BGPPeer): (name: string, labels: Labels) => boolean {
  const { node, nodeSelector } = spec;
  if (isSet(node)) return (name) => name === node;
  if (!isSet(nodeSelector)) return () => true;
  const selector = parseSelector(nodeSelector);
  return (_name, labels) => selector.matches(labels);
}

function whoInWords({ spec: { node, nodeSelector } }: BGPPeer): string {
  if (isSet(node)) return `node "${node}"`;
  return isSet(nodeSelector) ? `the nodes that match ${nodeSelector}` : 'every node';
}

/** What a BGPPeer asks of this node as one of those that it is about. */
function forwardRule(context: PeeringContext, peer: BGPPeer): Rule | undefined {
  const { self, labels, trace } = context;
  const { spec, metadata } = peer;
  const remote = spec.peerIP === undefined ? undefined : parsePeerIP(spec.peerIP);
  const source = `BGPPeer ${metadata.name}`;
  const isAbout = aboutWhom(peer);
  if (!isAbout(self.name, labels)) {
    const words = `It is about ${whoInWords(peer)}, and not about this node, ${labelWords(labels)}.`;
    trace?.({ source, peer: metadata.name, ...addressOf(remote), applies: false, words });
    return undefined;
  }
  const base = {
    source,
    peer,
    reverse: false,
    type: isGlobal(peer) ? 'global' : 'node',
    terms: peerTerms(peer, context),
    reason: (end: string) => `BGPPeer "${metadata.name}" makes ${whoInWords(peer)} peer with ${end}`,
  } as const;
  const peerAs = spec.asNumber ?? context.cluster.asNumber;
  if (remote !== undefined) return { ...base, ends: 'address', remote, peerAs };
  if (!isSet(spec.peerSelector)) {
    return workloadRule({ ...base, peerAs }, spec.localWorkloadSelector ?? '');
  }
  const { peerSelector } = spec;
  const selector = parseSelector(peerSelector);
  const isMutual = selector.matches(labels);
  return {
    ...base,
    ends: 'nodes',
    families: FAMILIES,
    isTopological: true,
    isMutual,
    selects: (node) => selector.matches(node.metadata.labels),
    refusal: (node) => `Its peerSelector ${peerSelector} does not match the node, ${labelWords(node.metadata.labels)}.`,
    // Of two nodes that each peer with the other by it, both go by that number.
    peerAs: ({ metadata: node }) => (isMutual && isAbout(node.name, node.labels) ? spec.localASNumber : undefined),
    reason: (end, node) => `${base.reason(`the nodes that match ${peerSelector}`)}: node "${node}" at ${end}`,
  };
}

function workloadRule(base: RuleBase & { readonly peerAs: number }, text: string): WorkloadRule {
  const selector = parseSelector(text);
  return {
    ...base,
    ends: 'workloads',
    type: 'workload',
    selects: (labels) => selector.matches(labels),
    reason: (end, name) => `${base.reason(`the workloads that match ${text}`, name)}: "${name}" at ${end}`,
  };
}

function addressOf(remote: PeerAddress | undefined): { address?: string } {
  return remote === undefined ? {} : { address: remote.address };
}

/** What a BGPPeer asks of this node as one that is peered with: to peer back, so that the other side finds somebody. */
function reverseRule(context: PeeringContext, peer: BGPPeer): NodeRule | undefined {
  const { trace } = context;
  const { spec, metadata } = peer;
  const families = reverseFamilies(context, peer);
  if (families === undefined) return undefined;
  const source = `BGPPeer ${metadata.name}`;
  if (spec.reversePeering === 'Manual') {
    const words = 'It names this node as a neighbour, but has reversePeering: Manual.';
    trace?.({ source: `${source}, peering back`, peer: metadata.name, applies: false, words });
    return undefined;
  }
  const isAbout = aboutWhom(peer);
  return {
    ends: 'nodes',
    source,
    peer,
    reverse: true,
    type: 'node',
    terms: reverseTerms(peer, context),
    families,
    isTopological: isSet(spec.peerSelector),
    isMutual: false,
    selects: (node) => isAbout(node.metadata.name, node.metadata.labels),
    refusal: (node) => `It is about ${whoInWords(peer)}, and not about the node, ${labelWords(node.metadata.labels)}.`,
    peerAs: () => spec.localASNumber,
    reason: (end, node) =>
      `BGPPeer "${metadata.name}" makes ${whoInWords(peer)} peer with this node, which peers back: node "${node}" at ${end}`,
  };
}

/** The families in which this node is peered with by a BGPPeer; undefined where it isn't at all. */
function reverseFamilies(context: PeeringContext, { spec, metadata }: BGPPeer): readonly Family[] | undefined {
  const { self, labels, trace } = context;
  const refuse = (words: string): undefined => {
    trace?.({ source: `BGPPeer ${metadata.name}, peering back`, peer: metadata.name, applies: false, words });
  };
  if (isSet(spec.peerSelector)) {
    if (parseSelector(spec.peerSelector).matches(labels)) return FAMILIES;
    return refuse(`Its peerSelector ${spec.peerSelector} does not match this node, ${labelWords(labels)}.`);
  }
  const remote = spec.peerIP === undefined ? undefined : parsePeerIP(spec.peerIP);
  if (remote === undefined || !isOwn(remote.address, context)) return undefined;
  const peerAs = spec.asNumber ?? context.cluster.asNumber;
  if (peerAs !== self.asn) return refuse(`It names an address of this node, but AS ${peerAs}, not ${self.asn}.`);
  const { port } = self.listen;
  if (remote.port !== undefined && remote.port !== port) {
    return refuse(`It names an address of this node, but port ${remote.port}, not ${port}.`);
  }
  return [remote.family];
}

function isOwn(address: string, { self: { addresses } }: PeeringContext): boolean {
  return address === addresses.ipv4 || address === addresses.ipv6;
}

const MESH = 'node-to-node mesh';

/** The mesh, of which route reflectors take no part. */
function meshRule(context: PeeringContext): NodeRule | undefined {
  const { view, self, cluster, trace } = context;
  const refuse = (words: string): undefined => {
    trace?.({ source: MESH, applies: false, words });
  };
  if (!cluster.nodeToNodeMeshEnabled) return refuse('It is off: nodeToNodeMeshEnabled in BGPConfiguration "default".');
  if (self.clusterId !== undefined) return refuse('This node is a route reflector, and these take no part in it.');
  return {
    ends: 'nodes',
    source: MESH,
    peer: undefined,
    reverse: false,
    type: 'mesh',
    terms: meshTerms(view, self),
    families: FAMILIES,
    isTopological: true,
    isMutual: false,
    selects: (node) => clusterIdOf(node) === undefined,
    refusal: () => 'The node is a route reflector, and these take no part in it.',
    peerAs: () => undefined,
    reason: (end, node) => `The node-to-node mesh makes this node peer with node "${node}" at ${end}`,
  };
}
