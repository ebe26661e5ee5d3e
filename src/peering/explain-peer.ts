/** Why this node has a neighbour, or has not: the rules of peering are applied once more, and asked to say what they decide. */
import { parsePeerIP } from '../resources/peer-address.ts';
import type { ClusterView } from '../resources/cluster-view.ts';
import type { Neighbour } from './neighbour.ts';
import { PeeringComputer } from './peering-computer.ts';
import { nodeAddresses } from './self.ts';
import type { NodeIdentity } from './self.ts';
import type { Step } from './step.ts';

export interface PeerExplanation {
  /** Whether there is to be such a neighbour, as a sentence. */
  readonly wanted: string;
  readonly neighbours: readonly Neighbour[];
  /** What each BGPPeer, each peering back and the mesh decides about it, first what gives a neighbour. */
  readonly steps: readonly { readonly source: string; readonly applies: boolean; readonly words: string }[];
}

/** What is asked about; a text may be the name of a BGPPeer and of a node at once. */
interface Subject {
  /** Name of a BGPPeer. */
  readonly peer: string | undefined;
  readonly node: string | undefined;
  readonly address: string | undefined;
  /** Where a port was given too. */
  readonly key: string | undefined;
}

/** Names shown of nodes that are not selected. */
const NODES_SHOWN = 3;

/** Explains the neighbours that `what` names: an address, with or without its port, a node, or a BGPPeer. */
export function explainPeer(view: ClusterView, identity: NodeIdentity, what: string): PeerExplanation {
  const steps: Step[] = [];
  const peering = new PeeringComputer((step) => steps.push(step)).compute(view, identity);
  if (peering.self === undefined) return { wanted: peering.problems[0].message, neighbours: [], steps: [] };
  const subject = findSubject(view, what);
  if (subject === undefined) {
    const wanted = `"${what}" is no address, and there is neither a node nor a BGPPeer of that name.`;
    return { wanted, neighbours: [], steps: [] };
  }
  const told = steps.filter((step) => isAbout(step, subject));
  const keys = new Set(told.flatMap(({ applies, key }) => (applies && key !== undefined ? [key] : [])));
  const neighbours = peering.neighbours.filter(({ key }) => keys.has(key));
  return {
    wanted: conclusion(neighbours, what),
    neighbours,
    steps: [
      ...summarised(told.map((step) => reworded(step, subject))),
      ...(subject.address !== undefined && subject.node === undefined ? [noNode(subject.address)] : []),
    ].sort((a, b) => Number(b.applies) - Number(a.applies)),
  };
}

function findSubject(view: ClusterView, what: string): Subject | undefined {
  const remote = parsePeerIP(what);
  const name = what.startsWith('BGPPeer ') ? what.slice('BGPPeer '.length) : what;
  const peer = view.get('BGPPeer', name)?.metadata.name;
  const node = view.get('Node', what)?.metadata.name ?? (remote && ownerOf(view, remote.address));
  if (peer === undefined && node === undefined && remote === undefined) return undefined;
  return { peer, node, address: remote?.address, key: remote?.port === undefined ? undefined : what };
}

function ownerOf(view: ClusterView, address: string): string | undefined {
  const owner = view.list('Node').find((node) => {
    const { ipv4, ipv6 } = nodeAddresses(node);
    return address === ipv4 || address === ipv6;
  });
  return owner?.metadata.name;
}

/** Whether a decision says something of what is asked about. */
function isAbout(step: Step, { peer, node, address, key }: Subject): boolean {
  if (peer !== undefined) {
    if (step.peer === peer) return true;
    if (node === undefined) return false;
  }
  if (step.node !== undefined && step.node !== node) return false;
  // A decision about an address, or about no end in particular, as that a BGPPeer is for other nodes.
  if (address === undefined) return true;
  if (step.family !== undefined && step.family !== parsePeerIP(address)?.family) return false;
  if (key !== undefined && step.key !== undefined && step.address === address) return step.key === key || !step.applies;
  return step.node === undefined || step.address === undefined || step.address === address;
}

/** Of a BGPPeer that gives a neighbour elsewhere, only that is told. */
function reworded(step: Step, { peer, node, address }: Subject): Step {
  if (step.peer === undefined || step.peer === peer || step.address === undefined) return step;
  const isHere = address === undefined ? step.node === node : step.address === address;
  return isHere ? step : { ...step, applies: false, words: `It names another neighbour, ${step.key ?? step.address}.` };
}

/** Nodes that a rule leaves out count as one, unless there is only one. */
function summarised(steps: readonly Step[]): PeerExplanation['steps'] {
  const unselected = new Map<string, Step[]>();
  for (const step of steps) {
    if (step.unselected !== true) continue;
    const others = unselected.get(step.source);
    if (others === undefined) unselected.set(step.source, [step]);
    else others.push(step);
  }
  return steps.flatMap(({ source, applies, words, node, unselected: isLeftOut }) => {
    const group = isLeftOut === true ? (unselected.get(source) ?? []) : [];
    if (group.length > 1 && group[0].node !== node) return [];
    const nodeWords = node !== undefined && !applies ? `Node "${node}": ` : '';
    return [{ source, applies, words: group.length > 1 ? groupWords(group) : `${nodeWords}${words}` }];
  });
}

function groupWords(group: readonly Step[]): string {
  const names = group.slice(0, NODES_SHOWN).map(({ node }) => `"${node}"`);
  const more = group.length > NODES_SHOWN ? ` and ${group.length - NODES_SHOWN} more` : '';
  return `${group.length} nodes are not selected: ${names.join(', ')}${more}. The first of them: ${group[0].words}`;
}

function noNode(address: string): PeerExplanation['steps'][number] {
  const words = `No node of the cluster has the address ${address}, so neither a peerSelector nor the mesh finds it.`;
  return { source: 'Nodes', applies: false, words };
}

function conclusion(neighbours: readonly Neighbour[], what: string): string {
  if (neighbours.length === 0) return `No peer is wanted for "${what}": nothing gives one.`;
  const held = neighbours.filter(({ heldDown }) => heldDown !== undefined);
  if (neighbours.length > 1) {
    const down = held.length === 0 ? '' : `, ${held.length} of them held down`;
    return `${neighbours.length} peers are wanted for "${what}"${down}.`;
  }
  const [{ key, reason, heldDown }] = neighbours;
  return heldDown === undefined ? `${key} is wanted. ${reason}` : `${key} is wanted, but held down. ${heldDown}`;
}
