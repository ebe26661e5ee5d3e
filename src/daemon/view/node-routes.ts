/** The routes that a CalicoNodeStatus shows: those of the Loc-RIB, and whether the kernel uses them. */
import type { RouteQuery } from '../../api/daemon-view.ts';
import type { Slice } from '../../api/process-view.ts';
import type { RouteEntry } from '../../api/route-types.ts';
import type { PeerSummary } from '../../api/types.ts';
import type { FibRoute } from '../../fib/worker-messages.ts';
import { FAMILY_NAMES } from '../../net/family.ts';
import { parsePrefix } from '../../net/prefix.ts';
import type { Prefix } from '../../net/prefix.ts';
import type { CalicoNodeStatus } from '../../resources/kinds/calico-node-status.ts';

export type NodeRoutes = NonNullable<NonNullable<CalicoNodeStatus['status']>['routes']>;
type NodeRoute = NonNullable<NodeRoutes['routesV4']>[number];

/** What the routes are taken from. */
export interface NodeRouteSources {
  /** As `DaemonView.routes`. */
  readonly routes: (query: RouteQuery, position: number, limit: number) => Slice<RouteEntry>;
  /** What the kernel has for a prefix, as far as is known. */
  readonly find: (prefix: Prefix) => Promise<FibRoute | undefined>;
  /** Types of the peers, by address. */
  readonly peerTypes: ReadonlyMap<string, PeerSummary['type']>;
  /** Prefixes of this node's workloads, canonical text. */
  readonly workloads: ReadonlySet<string>;
}

/** Routes that are taken at a time. */
const SLICE = 500;

/** What Calico writes where there is no gateway, or no interface. */
const NONE = 'N/A';

/**
 * No more than `limit` routes: the best ones first, then those that lost. Taken bit by bit, so that a large table holds up
 * nobody.
 */
export async function nodeRoutes(
  sources: NodeRouteSources,
  limit: number,
): Promise<{ readonly routes: NodeRoutes; readonly cut: boolean }> {
  const inKernel = new Map<string, FibRoute | undefined>();
  const lists: readonly [NodeRoute[], NodeRoute[]] = [[], []];
  for (const view of ['best', 'accepted'] as const) {
    for (let position: number | null = 0; position !== null;) {
      const slice: Slice<RouteEntry> = sources.routes({ view, match: 'exact' }, position, SLICE);
      const wanted = view === 'best' ? slice.items : slice.items.filter(({ best }) => !best);
      const left = limit - lists[0].length - lists[1].length;
      const taken = wanted.slice(0, left);
      await askKernel(taken, inKernel, sources.find);
      for (const entry of taken) {
        lists[entry.family === FAMILY_NAMES[0] ? 0 : 1].push(nodeRoute(entry, inKernel.get(entry.prefix), sources));
      }
      if (wanted.length > left) return { routes: { routesV4: lists[0], routesV6: lists[1] }, cut: true };
      position = slice.next;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  return { routes: { routesV4: lists[0], routesV6: lists[1] }, cut: false };
}

async function askKernel(
  entries: readonly RouteEntry[],
  known: Map<string, FibRoute | undefined>,
  find: NodeRouteSources['find'],
): Promise<void> {
  const prefixes = new Set(entries.map(({ prefix }) => prefix).filter((prefix) => !known.has(prefix)));
  await Promise.all([...prefixes].map(async (prefix) => known.set(prefix, await find(parsePrefix(prefix)))));
}

function nodeRoute(entry: RouteEntry, kernel: FibRoute | undefined, sources: NodeRouteSources): NodeRoute {
  const { prefix, nextHop, peer, best, multipath } = entry;
  const isUsed = (best || multipath) && kernel?.state === 'installed';
  const isWorkload = peer === null && sources.workloads.has(prefix);
  return {
    type: isUsed || isWorkload ? 'FIB' : 'RIB',
    destination: prefix,
    gateway: nextHop ?? NONE,
    interface: (isUsed ? interfaceOf(kernel.actual, nextHop) : undefined) ?? NONE,
    learnedFrom:
      peer === null
        ? { sourceType: isWorkload ? 'Kernel' : 'Static' }
        : { sourceType: sources.peerTypes.get(peer) === 'mesh' ? 'NodeMesh' : 'BGPPeer', peerIP: peer },
  };
}

/** From words as `10.0.0.2 dev eth0 weight 1`, or `blackhole`. */
function interfaceOf(hops: readonly string[], nextHop: string | null): string | undefined {
  // A next hop that is not on a link is reached over another gateway.
  const hop = hops.find((words) => nextHop !== null && words.startsWith(`${nextHop} `)) ?? hops.at(0);
  return hop === 'blackhole' ? hop : hop?.match(/\bdev (\S+)/)?.[1];
}
