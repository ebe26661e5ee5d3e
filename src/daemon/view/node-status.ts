/** The report on this node that a CalicoNodeStatus asks for, in Calico's words. Pure. */
import type { PeerSummary } from '../../api/types.ts';
import type { CalicoNodeStatus } from '../../resources/kinds/calico-node-status.ts';
import type { NodeRoutes } from './node-routes.ts';

type Report = NonNullable<CalicoNodeStatus['status']>;
type AgentReport = NonNullable<NonNullable<Report['agent']>['birdV4']>;
type PeerReport = NonNullable<NonNullable<Report['bgp']>['peersV4']>[number];

/** What is known of the daemon at one moment; instants in milliseconds since 1970. */
export interface NodeStatusInputs {
  readonly now: number;
  readonly version: string;
  /** Dotted. */
  readonly routerId: string;
  readonly isReady: boolean;
  readonly started: number;
  /** When a resource changed last; undefined before any did. */
  readonly lastChange: number | undefined;
  readonly peers: readonly PeerSummary[];
  /** Only where the class Routes is asked for. */
  readonly routes: NodeRoutes | undefined;
}

const PEER_TYPES = {
  mesh: 'NodeMesh',
  node: 'NodePeer',
  global: 'GlobalPeer',
  // Calico has no word for a workload that is a peer; it is one of this node alone.
  workload: 'NodePeer',
} as const;

/** The report with the parts that are asked for. */
export function nodeStatus(classes: CalicoNodeStatus['spec']['classes'], inputs: NodeStatusInputs): Report {
  const { routes, peers, now } = inputs;
  return {
    lastUpdated: text(now),
    ...(classes.includes('Agent') && { agent: agentReport(inputs) }),
    ...(classes.includes('BGP') && { bgp: bgpReport(peers) }),
    ...(classes.includes('Routes') && routes !== undefined && { routes }),
  };
}

/** One daemon does what BIRD does with one for each family. */
function agentReport({ isReady, version, routerId, started, lastChange }: NodeStatusInputs): Report['agent'] {
  const agent: AgentReport = {
    state: isReady ? 'Ready' : 'NotReady',
    version,
    routerID: routerId,
    lastBootTime: text(started),
    lastReconfigurationTime: text(lastChange ?? started),
  };
  return { birdV4: agent, birdV6: agent };
}

function bgpReport(peers: readonly PeerSummary[]): NonNullable<Report['bgp']> {
  const peersV6 = peers.filter(({ address }) => address.includes(':')).map(peerReport);
  const peersV4 = peers.filter(({ address }) => !address.includes(':')).map(peerReport);
  const established = (list: readonly PeerReport[]) => list.filter(({ state }) => state === 'Established').length;
  return {
    numberEstablishedV4: established(peersV4),
    numberNotEstablishedV4: peersV4.length - established(peersV4),
    numberEstablishedV6: established(peersV6),
    numberNotEstablishedV6: peersV6.length - established(peersV6),
    peersV4,
    peersV6,
  };
}

function peerReport({ address, type, state, since }: PeerSummary): PeerReport {
  return { peerIP: address, type: PEER_TYPES[type], state, since: since.time };
}

/** RFC 3339 in whole seconds, as Kubernetes has it. */
function text(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z');
}
