/** Routes as the API shows them. */
import type { RouteEntry } from '../../api/route-types.ts';
import { formatAsPath } from '../../bgp/messages/attributes/as-path.ts';
import type { Attributes } from '../../bgp/messages/attributes/attributes.ts';
import { formatCommunity } from '../../bgp/messages/attributes/communities.ts';
import { decodeAttributes } from '../../bgp/messages/attributes/attribute-codec.ts';
import {
  formatExtendedCommunity,
  formatIpv6ExtendedCommunity,
} from '../../bgp/messages/attributes/extended-communities.ts';
import { formatLargeCommunity } from '../../bgp/messages/attributes/large-communities.ts';
import { FAMILY_NAMES } from '../../net/family.ts';
import type { Family } from '../../net/family.ts';
import { formatPrefix } from '../../net/prefix.ts';
import { isOwnPeer } from '../../rib/peers.ts';
import type { RouteSource } from '../../rib/policy.ts';
import type { Rib } from '../../rib/rib.ts';

/** By {@link RouteSource}. */
const SOURCE_NAMES = ['local', 'local', 'local', 'external', 'internal', 'client'] as const;

/** By index of the pseudo-peer. */
const ORIGINATIONS = ['local', 'workload', 'service'] as const;

/** Which route is to be shown, and what is known of its role. */
export interface RouteRef {
  readonly family: Family;
  readonly prefix: number;
  readonly set: number;
  /** Peer that the route is from. */
  readonly from: number;
  /** Text for the `peer` column if not the address of `from`. */
  readonly peer?: string;
  /** Identifier of the path between this router and the peer (RFC 7911); 0 for none. */
  readonly pathId: number;
  readonly best: boolean;
  readonly multipath: boolean;
  /** Kept although the session it came over has ended. */
  readonly stale?: boolean;
  readonly rejectedReason?: string;
}

/** The JSON of one route. */
export function routeEntry(rib: Rib, ref: RouteRef): RouteEntry {
  const { sets, peers } = rib;
  const start = sets.offset[ref.set];
  const attributes = decodeAttributes(sets.arena, start, start + sets.length[ref.set]);
  const from = isOwnPeer(ref.from) ? null : (peers.info[ref.from]?.address ?? null);
  // As the FIB chooses: the link-local one only where the session is on it.
  const linkLocal = from?.includes('%') === true ? attributes.linkLocalNextHop : undefined;
  return {
    prefix: formatPrefix(rib.tables[ref.family].prefixes.prefix(ref.prefix)),
    family: FAMILY_NAMES[ref.family],
    nextHop: linkLocal ?? attributes.nextHop ?? null,
    asPath: formatAsPath(attributes.asPath),
    origin: attributes.origin,
    ...optionalAttributes(attributes),
    peer: ref.peer ?? from,
    source: SOURCE_NAMES[peers.source[ref.from] as RouteSource],
    ...(isOwnPeer(ref.from) && { origination: ORIGINATIONS[ref.from] }),
    ...(ref.pathId !== 0 && { pathId: ref.pathId }),
    best: ref.best,
    multipath: ref.multipath,
    ...(ref.stale === true && { stale: true }),
    ...(ref.rejectedReason !== undefined && { rejectedReason: ref.rejectedReason }),
  };
}

/** What a route may or may not carry. */
function optionalAttributes(attributes: Attributes): Partial<RouteEntry> {
  const extended = [
    ...attributes.extendedCommunities.map(formatExtendedCommunity),
    ...attributes.ipv6ExtendedCommunities.map(formatIpv6ExtendedCommunity),
  ];
  const other = otherAttributes(attributes);
  return {
    ...(attributes.med !== undefined && { med: attributes.med }),
    ...(attributes.localPref !== undefined && { localPref: attributes.localPref }),
    ...(attributes.communities.length > 0 && { communities: attributes.communities.map(formatCommunity) }),
    ...(extended.length > 0 && { extendedCommunities: extended }),
    ...(attributes.largeCommunities.length > 0 && {
      largeCommunities: attributes.largeCommunities.map(formatLargeCommunity),
    }),
    ...(attributes.originatorId !== undefined && { originatorId: attributes.originatorId }),
    ...(attributes.clusterList.length > 0 && { clusterList: [...attributes.clusterList] }),
    ...(other.length > 0 && { otherAttributes: other }),
  };
}

function otherAttributes(attributes: Attributes): string[] {
  const words: string[] = [];
  if (attributes.atomicAggregate) words.push('atomic aggregate');
  if (attributes.aggregator !== undefined) {
    words.push(`aggregator AS ${attributes.aggregator.asn} ${attributes.aggregator.routerId}`);
  }
  if (attributes.aigp !== undefined) words.push(`AIGP metric ${attributes.aigp}`);
  if (attributes.onlyToCustomer !== undefined) words.push(`only to customer, AS ${attributes.onlyToCustomer}`);
  for (const { code, flags, value } of attributes.unknown) {
    words.push(`attribute ${code} flags 0x${flags.toString(16)} value ${Buffer.from(value).toString('hex')}`);
  }
  return words;
}
