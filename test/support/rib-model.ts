/**
 * A naive model of the RIB: objects and Maps, everything computed from scratch, nothing shared with `src/rib`.
 */
import type { Attributes } from '../../src/bgp/messages/attributes/attributes.ts';

/** A peer of the model. */
export interface ModelPeer {
  readonly name: string;
  readonly kind: 'external' | 'internal' | 'client' | 'local';
  readonly routerId: string;
  readonly as: number;
}

export const OWN = {
  as: 64512,
  routerId: '10.255.0.1',
  clusterId: '10.255.0.9',
  ipv4: '10.0.0.1',
  ipv6: '2001:db8::1',
};

const ORIGINS = ['igp', 'egp', 'incomplete'];

function pathLength(attributes: Attributes): number {
  return attributes.asPath.reduce((sum, segment) => sum + (segment.type === 'set' ? 1 : segment.asns.length), 0);
}

function neighbourAs(attributes: Attributes): number {
  const [first] = attributes.asPath;
  return first?.type === 'sequence' ? first.asns[0] : 0;
}

function dottedToNumber(text: string): number {
  return text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

interface ModelPath {
  readonly peer: ModelPeer;
  readonly attributes: Attributes;
}

/** The best of some paths by RFC 4271 §9.1.2.2 with RFC 4456 §9, as a chain of filters. */
export function modelBest(paths: readonly ModelPath[]): ModelPath | undefined {
  let left = [...paths];
  const keepLowest = (value: (path: ModelPath) => number): void => {
    const lowest = Math.min(...left.map(value));
    left = left.filter((path) => value(path) === lowest);
  };
  if (left.length === 0) return undefined;
  keepLowest(({ peer }) => (peer.kind === 'local' ? 0 : 1));
  keepLowest(({ attributes }) => -(attributes.localPref ?? 100));
  keepLowest(({ attributes }) => pathLength(attributes));
  keepLowest(({ attributes }) => ORIGINS.indexOf(attributes.origin));
  const med = ({ attributes }: ModelPath): number => attributes.med ?? 0;
  const tied = left;
  left = left.filter(
    (path) =>
      !tied.some((other) => neighbourAs(other.attributes) === neighbourAs(path.attributes) && med(other) < med(path)),
  );
  keepLowest(({ peer }) => (peer.kind === 'local' || peer.kind === 'external' ? 0 : 1));
  keepLowest(({ peer, attributes }) => dottedToNumber(attributes.originatorId ?? peer.routerId));
  keepLowest(({ attributes }) => attributes.clusterList.length);
  keepLowest(({ peer }) => (peer.kind === 'local' ? 0 : dottedToNumber(peer.name)));
  return left[0];
}

/** What a peer is told of a prefix, undefined for nothing. `to` is the reader, `family` that of the prefix. */
export function modelTold(paths: readonly ModelPath[], to: ModelPeer, family: number): Attributes | undefined {
  const best = modelBest(paths);
  if (best === undefined || best.peer.name === to.name) return undefined;
  const { kind } = best.peer;
  if (kind === 'internal' && to.kind === 'internal') return undefined;
  const { attributes } = best;
  if (attributes.communities.includes(0xffffff02)) return undefined;
  if (to.kind === 'external' && attributes.communities.includes(0xffffff01)) return undefined;
  return to.kind === 'external' ? toExternal(best, family) : toInternal(best, family);
}

function toExternal({ peer, attributes }: ModelPath, family: number): Attributes {
  const { med, localPref, originatorId, linkLocalNextHop, ...rest } = attributes;
  void localPref;
  void originatorId;
  void linkLocalNextHop;
  const [first, ...others] = attributes.asPath;
  const asPath =
    first?.type === 'sequence' && first.asns.length < 255
      ? [{ type: 'sequence' as const, asns: [OWN.as, ...first.asns] }, ...others]
      : [{ type: 'sequence' as const, asns: [OWN.as] }, ...attributes.asPath];
  return {
    ...rest,
    asPath,
    nextHop: family === 0 ? OWN.ipv4 : OWN.ipv6,
    clusterList: [],
    extendedCommunities: attributes.extendedCommunities.filter(({ high }) => ((high >>> 24) & 0x40) === 0),
    ...(peer.kind === 'local' && med !== undefined && { med }),
  };
}

function toInternal({ peer, attributes }: ModelPath, family: number): Attributes {
  const reflected = peer.kind === 'internal' || peer.kind === 'client';
  return {
    ...attributes,
    nextHop: attributes.nextHop ?? (family === 0 ? OWN.ipv4 : OWN.ipv6),
    localPref: attributes.localPref ?? 100,
    ...(reflected && {
      originatorId: attributes.originatorId ?? peer.routerId,
      clusterList: [OWN.clusterId, ...attributes.clusterList],
    }),
  };
}
