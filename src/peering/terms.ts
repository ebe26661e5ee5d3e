/** The terms on which all neighbours of one BGPPeer, or of the mesh, are peered with. */
import type { ClusterView } from '../resources/cluster-view.ts';
import { durationSeconds } from '../resources/duration.ts';
import type { BGPPeer } from '../resources/kinds/bgp-peer.ts';
import { authentication } from './authentication.ts';
import type { Authentication } from './authentication.ts';
import type { PeeringContext } from './context.ts';
import type { NextHopMode } from './neighbour.ts';
import type { Self } from './self.ts';

export interface Terms {
  readonly localAs: number;
  /** Whether sessions come from the node's address rather than from the one the kernel chooses. */
  readonly fromNodeAddress: boolean;
  /** Seconds, where they are given. */
  readonly keepaliveTime: number | undefined;
  readonly restartTime: number | undefined;
  readonly ttlSecurity: number | undefined;
  readonly allowLocalAs: number;
  readonly nextHopMode: NextHopMode;
  /** The older way to say `keep`, which counts for eBGP only. */
  readonly keepForExternal: boolean;
  readonly filters: readonly string[];
  readonly reachableBy: string | undefined;
  readonly authentication: Authentication;
}

const NEXT_HOP_MODES = { Auto: 'auto', Self: 'self', Keep: 'keep' } as const;

/** The terms of a BGPPeer, as seen from the nodes that it is about. */
export function peerTerms({ spec }: BGPPeer, { view, self }: Pick<PeeringContext, 'view' | 'self'>): Terms {
  return {
    localAs: spec.localASNumber ?? self.asn,
    fromNodeAddress: spec.sourceAddress === 'UseNodeIP',
    keepaliveTime: wholeSeconds(spec.keepaliveTime),
    restartTime: wholeSeconds(spec.maxRestartTime),
    ttlSecurity: spec.ttlSecurity === 0 ? undefined : spec.ttlSecurity,
    // As in Calico it counts for a neighbour that is named by its address only.
    allowLocalAs: spec.peerIP === undefined ? 0 : (spec.numAllowedLocalASNumbers ?? 0),
    nextHopMode: NEXT_HOP_MODES[spec.nextHopMode ?? 'Auto'],
    keepForExternal: spec.nextHopMode === undefined && spec.keepOriginalNextHop,
    filters: spec.filters,
    reachableBy: spec.reachableBy,
    authentication: authentication(spec.password, view, self.namespace),
  };
}

/** The terms of a BGPPeer from the other side: what is said of the neighbour's AS numbers and of the way to it is not mirrored. */
export function reverseTerms(peer: BGPPeer, context: Pick<PeeringContext, 'view' | 'self'>): Terms {
  return { ...peerTerms(peer, context), localAs: context.self.asn, allowLocalAs: 0, reachableBy: undefined };
}

/** The terms of the node-to-node mesh. */
export function meshTerms(view: ClusterView, self: Self): Terms {
  const spec = view.get('BGPConfiguration', 'default')?.spec ?? {};
  return {
    localAs: self.asn,
    fromNodeAddress: true,
    keepaliveTime: undefined,
    restartTime: wholeSeconds(spec.nodeMeshMaxRestartTime),
    ttlSecurity: undefined,
    allowLocalAs: 0,
    nextHopMode: 'auto',
    keepForExternal: false,
    filters: [],
    reachableBy: undefined,
    authentication: authentication(spec.nodeMeshPassword, view, self.namespace),
  };
}

/** Seconds of a duration, rounded; undefined where it is not set, or is nothing. */
function wholeSeconds(duration: string | undefined): number | undefined {
  const rounded = Math.round(durationSeconds(duration ?? '0') ?? 0);
  return rounded === 0 ? undefined : rounded;
}
