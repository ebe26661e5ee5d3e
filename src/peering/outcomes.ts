/** What the rules of peering give for one node, one address, or the workloads of this node. */
import { FAMILIES, IPV4_UNICAST, IPV6_UNICAST } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import { tryParseAddress } from '../net/address.ts';
import type { Node } from '../resources/kinds/node.ts';
import type { PeerAddress } from '../resources/peer-address.ts';
import { addCandidate, sourceWords, traceRefusal } from './candidate.ts';
import type { Outcome } from './candidate.ts';
import type { PeeringContext } from './context.ts';
import type { NodeAddresses } from './neighbour.ts';
import type { AddressRule, NodeRule, WorkloadRule } from './rules.ts';
import { nodeAddresses } from './self.ts';
import type { LocalWorkload } from './self.ts';
import { BGP_PORT, waitsFor } from './session-terms.ts';
import type { Step } from './step.ts';

/** A family without the other, by index. */
const ALONE: readonly (readonly Family[])[] = [[IPV4_UNICAST], [IPV6_UNICAST]];

/** What rules that select nodes give for one of them. */
export function nodeOutcome(context: PeeringContext, rules: readonly NodeRule[], node: Node): Outcome {
  const outcome: Outcome = { candidates: [], problems: [] };
  for (const rule of rules) addNode(context, rule, node, outcome);
  return outcome;
}

function addNode(context: PeeringContext, rule: NodeRule, node: Node, outcome: Outcome): void {
  const { self } = context;
  if (!rule.selects(node)) {
    if (context.trace !== undefined) traceNode(context, rule, node, { words: rule.refusal(node), unselected: true });
    return;
  }
  if (node.metadata.name === self.name) {
    traceNode(context, rule, node, { words: 'It is this node itself.' });
    return;
  }
  const addresses = nodeAddresses(node);
  const remotes: PeerAddress[] = [];
  for (const family of rule.families) {
    const address = addressOf(addresses, family);
    const refusal = addressRefusal(addressOf(self.addresses, family), address, family);
    if (address !== undefined && refusal === undefined) remotes.push({ address, family, port: undefined });
    else traceNode(context, rule, node, { words: refusal ?? '', family });
  }
  for (const remote of remotes) {
    const end = {
      remote,
      port: listenPort(context, node),
      peerAs: rule.peerAs(node) ?? asOf(context, node),
      node,
      // With two sessions each carries its own family, as Calico's nodes do, so that no route arrives twice.
      families: remotes.length > 1 ? ALONE[remote.family] : FAMILIES,
      // A BGPPeer for some nodes has both ends connect, as in Calico.
      waits: rule.type !== 'node' && waitsFor(remote, self),
      localAddresses: self.addresses,
    };
    addCandidate(context, rule, end, outcome);
  }
}

/** Where a node listens: as its own BGPConfiguration says, else as that of the cluster. */
function listenPort({ view, cluster }: PeeringContext, { metadata: { name } }: Node): number {
  return view.get('BGPConfiguration', `node.${name}`)?.spec.listenPort || cluster.listenPort;
}

function asOf({ cluster }: PeeringContext, { spec }: Node): number {
  return spec.bgp.asNumber ?? cluster.asNumber;
}

/** Why there can be no session of a family between two nodes. */
function addressRefusal(own: string | undefined, theirs: string | undefined, family: Family): string | undefined {
  const version = family === IPV4_UNICAST ? 'IPv4' : 'IPv6';
  if (own === undefined) return `This node has no ${version} address.`;
  if (theirs === undefined) return `The node has no ${version} address.`;
  // A mistake, but not one to make a node peer with itself.
  return own === theirs ? `The node has the ${version} address of this node, ${own}.` : undefined;
}

function traceNode(
  context: PeeringContext,
  rule: NodeRule,
  node: Node,
  why: Pick<Step, 'words' | 'unselected' | 'family'>,
): void {
  context.trace?.({
    source: sourceWords(rule),
    ...(rule.peer !== undefined && { peer: rule.peer.metadata.name }),
    node: node.metadata.name,
    applies: false,
    ...why,
  });
}

function addressOf({ ipv4, ipv6 }: NodeAddresses, family: Family): string | undefined {
  return family === IPV4_UNICAST ? ipv4 : ipv6;
}

/** What a BGPPeer gives that names an address; `node` is the node of the cluster that has it, if any. */
export function addressOutcome(context: PeeringContext, rule: AddressRule, node: Node | undefined): Outcome {
  const outcome: Outcome = { candidates: [], problems: [] };
  const { self } = context;
  const { remote, peerAs } = rule;
  if (remote.address === addressOf(self.addresses, remote.family)) {
    traceRefusal(context, rule, { remote, node }, 'The address is that of this node.');
    return outcome;
  }
  // A node of the cluster says itself where it listens; at its address there may be something else, as the AS shows.
  const isNode = node !== undefined && asOf(context, node) === peerAs;
  const end = {
    remote,
    port: remote.port ?? (isNode ? listenPort(context, node) : BGP_PORT),
    peerAs,
    node,
    families: FAMILIES,
    // Nodes that a BGPPeer for all nodes makes peer with each other agree on who connects, as in the mesh.
    waits: rule.type === 'global' && node !== undefined && waitsFor(remote, self),
    localAddresses: self.addresses,
  };
  addCandidate(context, rule, end, outcome);
  return outcome;
}

/** What the BGPPeers for workloads give; a workload that says which of them picks it is believed. */
export function workloadOutcome(context: PeeringContext, rules: readonly WorkloadRule[]): Outcome {
  const outcome: Outcome = { candidates: [], problems: [] };
  if (rules.length === 0 && context.workloads.length === 0) return outcome;
  const workloads = [...context.workloads].sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const workload of workloads) {
    const { bgpPeerName: wanted } = workload;
    if (wanted === undefined) continue;
    if (rules.some(({ peer }) => peer?.metadata.name === wanted)) continue;
    const message = `The workload "${workload.name}" is to peer by it, but it has no localWorkloadSelector, is not about this node, or does not exist.`;
    outcome.problems.push({ resource: `BGPPeer ${wanted}`, field: 'localWorkloadSelector', message });
  }
  for (const rule of rules) {
    const picked = workloads.filter((workload) => picks(rule, workload));
    for (const workload of picked) addWorkload(context, rule, workload, outcome);
    if (picked.length > 0) continue;
    const words = 'No workload of this node is picked by its localWorkloadSelector.';
    context.trace?.({ source: rule.source, peer: rule.peer?.metadata.name ?? '', applies: false, words });
  }
  return outcome;
}

function picks(rule: WorkloadRule, { bgpPeerName, labels }: LocalWorkload): boolean {
  if (bgpPeerName !== undefined) return bgpPeerName === rule.peer?.metadata.name;
  return labels !== undefined && rule.selects(labels);
}

function addWorkload(context: PeeringContext, rule: WorkloadRule, workload: LocalWorkload, outcome: Outcome): void {
  const { cluster, self } = context;
  const ipv4 = cluster.localWorkloadPeeringIPV4 ?? self.addresses.ipv4;
  const ipv6 = cluster.localWorkloadPeeringIPV6 ?? self.addresses.ipv6;
  const localAddresses = { ...(ipv4 !== undefined && { ipv4 }), ...(ipv6 !== undefined && { ipv6 }) };
  const remotes = FAMILIES.flatMap((family): readonly PeerAddress[] => {
    const address = workload.addresses.find((text) => tryParseAddress(text)?.family === family);
    return address === undefined ? [] : [{ address, family, port: undefined }];
  });
  for (const remote of remotes) {
    const end = {
      remote,
      port: BGP_PORT,
      peerAs: rule.peerAs,
      node: undefined,
      workload: workload.name,
      families: remotes.length > 1 ? ALONE[remote.family] : FAMILIES,
      // It connects: only the workload knows when it is ready.
      waits: true,
      localAddresses,
    };
    addCandidate(context, rule, end, outcome);
  }
}
