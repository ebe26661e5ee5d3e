/** The rules of route reflection (RFC 4456): who is told what, and which routes have come round in a loop. */
import { hasClusterId } from '../bgp/messages/attributes/attribute-summary.ts';
import { formatU32 } from '../net/address.ts';
import { SOURCE_CLIENT, SOURCE_EXTERNAL, SOURCE_INTERNAL } from './route-source.ts';
import type { RouteSource } from './route-source.ts';

/** What a peer is to this router. */
export type PeerKind = 'external' | 'internal' | 'client';

/** This router's identity in reflection. */
export interface RouterIdentity {
  /** BGP identifier as an unsigned number. */
  readonly routerId: number;
  /** Cluster id (RFC 4456 §7), the router id unless configured. */
  readonly clusterId: number;
}

/** The source that routes of a peer have. */
export function sourceOf(kind: PeerKind): RouteSource {
  if (kind === 'external') return SOURCE_EXTERNAL;
  return kind === 'client' ? SOURCE_CLIENT : SOURCE_INTERNAL;
}

/**
 * Whether a route may be told to a kind of peer at all. Own and external routes go to everybody; internal ones to external
 * peers (RFC 4271 §9.2.1), from non-clients to clients, and from clients to everybody (RFC 4456 §6).
 */
export function mayTell(source: RouteSource, to: PeerKind): boolean {
  return source !== SOURCE_INTERNAL || to !== 'internal';
}

/** Whether telling a route to a kind of peer reflects it, so that ORIGINATOR_ID and CLUSTER_LIST are due (RFC 4456 §8). */
export function isReflected(source: RouteSource, to: PeerKind): boolean {
  return source >= SOURCE_INTERNAL && to !== 'external';
}

/**
 * The loop that an internal route has made, in words; undefined if there is none (RFC 4456 §8). `block[start, end)` is its
 * canonical attribute block, the other numbers are read from it already, 0 where absent.
 */
export function reflectionLoop(
  block: Uint8Array,
  start: number,
  end: number,
  route: { readonly originatorId: number; readonly clusterListLength: number },
  self: RouterIdentity,
): string | undefined {
  if (route.originatorId !== 0 && route.originatorId === self.routerId) {
    return `ORIGINATOR_ID ${formatU32(self.routerId)} is our router id`;
  }
  if (route.clusterListLength > 0 && hasClusterId(block, start, end, self.clusterId)) {
    return `CLUSTER_LIST holds our cluster id ${formatU32(self.clusterId)}`;
  }
  return undefined;
}
