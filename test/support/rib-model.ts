/**
 * A naive model of the RIB: objects and Maps, everything computed from scratch, nothing shared with `src/rib`.
 */
import { encodeAttributes } from '../../src/bgp/messages/attributes/attribute-codec.ts';
import type { Attributes } from '../../src/bgp/messages/attributes/attributes.ts';
import { toTwoOctetAs } from '../../src/bgp/messages/attributes/two-octet-as.ts';

/** A peer of the model, or this router itself. Peers are listed in the order of their addresses. */
export interface ModelPeer {
  readonly name: string;
  readonly kind: 'external' | 'internal' | 'client' | 'local';
  readonly routerId: string;
  readonly as: number;
  /** Families negotiated, both if absent. */
  readonly families?: readonly (0 | 1)[];
  /** Of those, the ones in which it is told all paths (RFC 7911). */
  readonly allPaths?: readonly (0 | 1)[];
  /** Gives its paths identifiers, in both families (RFC 7911). */
  readonly givesIds?: boolean;
  /** Identifier of a path of `session`: what there is one of for each path and not for each peer is kept under such a name. */
  readonly pathId?: number;
  readonly session?: ModelPeer;
  /** Has 2-octet AS numbers only. */
  readonly narrow?: boolean;
  /** Takes messages of 65535 bytes. */
  readonly extended?: boolean;
  readonly nextHopMode?: 'auto' | 'self' | 'keep';
}

/** A filter of the model, by name: of prefixes and of where the route is from; `raise` and `lower` let all through, changed. */
export type RuleName = 'all' | 'none' | 'short' | 'ours' | 'raise' | 'lower';

/** What may change during a session. */
export interface Terms {
  readonly kind: ModelPeer['kind'];
  readonly allowLocalAs: number;
  readonly import: RuleName;
  readonly export: RuleName;
}

export const OWN = {
  as: 64512,
  routerId: '10.255.0.1',
  clusterId: '10.255.0.9',
  ipv4: '10.0.0.1',
  ipv6: '2001:db8::1',
};

/** This router as the source of its own routes. */
export const LOCAL: ModelPeer = { name: 'local', kind: 'local', routerId: OWN.routerId, as: OWN.as };

/** Whether a rule lets a route through. */
export const RULES: Readonly<Record<RuleName, (family: number, length: number, kind: ModelPeer['kind']) => boolean>> = {
  all: () => true,
  none: () => false,
  short: (family, length) => length < (family === 0 ? 24 : 64),
  ours: (_family, _length, kind) => kind !== 'external',
  raise: () => true,
  lower: () => true,
};

/** What the rules do to attributes that do anything; one may undo what the other did. */
export const CHANGES: Readonly<Partial<Record<RuleName, (attributes: Attributes) => Attributes>>> = {
  raise: (attributes) => ({ ...attributes, localPref: 150 }),
  lower: (attributes) => ({ ...attributes, localPref: 100 }),
};

const changed = new WeakMap<Attributes, Map<RuleName, Attributes>>();

/** The attributes that a rule lets a route through with. */
export function modelChanged(rule: RuleName, attributes: Attributes): Attributes {
  const change = CHANGES[rule];
  if (change === undefined) return attributes;
  let known = changed.get(attributes);
  if (known === undefined) changed.set(attributes, (known = new Map()));
  const result = known.get(rule) ?? change(attributes);
  known.set(rule, result);
  return result;
}

/** A path with the terms of the session it came over. */
export interface ModelPath {
  readonly peer: ModelPeer;
  readonly terms: Terms;
  readonly attributes: Attributes;
  /** Cost of the way to its next hop. */
  readonly metric: number;
}

/** A prefix as far as rules look at it. */
export interface ModelPrefix {
  readonly family: 0 | 1;
  readonly length: number;
}

const ORIGINS = ['igp', 'egp', 'incomplete'];
const NO_ADVERTISE = 0xffffff02;
const NO_EXPORT = 0xffffff01;
/** Bytes of an UPDATE beside its attributes. */
const OVERHEAD = 64;

function pathLength(attributes: Attributes): number {
  const lengths = { sequence: (asns: number) => asns, set: () => 1, 'confed-sequence': () => 0, 'confed-set': () => 0 };
  return attributes.asPath.reduce((sum, { type, asns }) => sum + lengths[type](asns.length), 0);
}

function neighbourAs(attributes: Attributes): number {
  const [first] = attributes.asPath;
  return first?.type === 'sequence' ? first.asns[0] : 0;
}

function dottedToNumber(text: string): number {
  return text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** Whether a path is let in: no loop, and the import rule accepts it. */
export function modelAccepts({ peer, terms, attributes }: Omit<ModelPath, 'metric'>, prefix: ModelPrefix): boolean {
  if (peer.kind === 'local') return true;
  const own = attributes.asPath.flatMap(({ asns }) => asns).filter((asn) => asn === OWN.as).length;
  if (own > terms.allowLocalAs) return false;
  if (attributes.originatorId === OWN.routerId || attributes.clusterList.includes(OWN.clusterId)) return false;
  return RULES[terms.import](prefix.family, prefix.length, terms.kind);
}

/** The steps after MED but for the metric, in order. `order` is that of the peers' addresses. */
function laterSteps(order: readonly ModelPeer[]): ((path: ModelPath) => number)[] {
  return [
    ({ terms }) => (terms.kind === 'local' || terms.kind === 'external' ? 0 : 1),
    ({ peer, attributes }) => dottedToNumber(attributes.originatorId ?? peer.routerId),
    ({ attributes }) => attributes.clusterList.length,
    ({ peer }) => order.indexOf(peer.session ?? peer),
    ({ peer }) => peer.pathId ?? 0,
  ];
}

/**
 * The best of some accepted paths by RFC 4271 §9.1.2.2 with RFC 4456 §9, as a chain of filters, and behind it those that may be
 * used with it, the next best first.
 */
export function modelMultipath(paths: readonly ModelPath[], order: readonly ModelPeer[]): ModelPath[] {
  let left = [...paths];
  const keepLowest = (value: (path: ModelPath) => number): void => {
    const lowest = Math.min(...left.map(value));
    left = left.filter((path) => value(path) === lowest);
  };
  if (left.length === 0) return [];
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
  const [external, ...rest] = laterSteps(order);
  keepLowest(external);
  keepLowest(({ metric }) => metric);
  return left.toSorted((a, b) => rest.map((value) => value(a) - value(b)).find((difference) => difference !== 0) ?? 0);
}

/** What a peer is told of a prefix whose best path is `best`, undefined for nothing. */
export function modelTold(best: ModelPath, to: ModelPeer, terms: Terms, prefix: ModelPrefix): Attributes | undefined {
  if (best.peer.name === to.name) return undefined;
  if (to.families !== undefined && !to.families.includes(prefix.family)) return undefined;
  const { kind } = best.terms;
  if (kind === 'internal' && terms.kind === 'internal') return undefined;
  const { attributes } = best;
  if (attributes.communities.includes(NO_ADVERTISE)) return undefined;
  if (terms.kind === 'external' && attributes.communities.includes(NO_EXPORT)) return undefined;
  if (!RULES[terms.export](prefix.family, prefix.length, kind)) return undefined;
  const through = { ...best, attributes: modelChanged(terms.export, attributes) };
  const told = terms.kind === 'external' ? toExternal(through) : toInternal(through);
  const kept = keptHop(attributes, to, terms);
  const isOther = attributes.nextHop !== undefined && kept === undefined;
  const extendedCommunities = told.extendedCommunities.filter((community) => !isOther || !isBandwidth(community));
  const nextHop = kept ?? (prefix.family === 0 ? OWN.ipv4 : OWN.ipv6);
  const withHop = { ...told, nextHop, extendedCommunities };
  return fits(withHop, to, prefix.family) ? withHop : undefined;
}

function toExternal({ peer, attributes }: ModelPath): Attributes {
  const { med, localPref, originatorId, linkLocalNextHop, ...rest } = attributes;
  void localPref;
  void originatorId;
  void linkLocalNextHop;
  const outside = attributes.asPath.filter(({ type }) => !type.startsWith('confed'));
  const [first, ...others] = outside;
  const asPath =
    first?.type === 'sequence' && first.asns.length < 255
      ? [{ type: 'sequence' as const, asns: [OWN.as, ...first.asns] }, ...others]
      : [{ type: 'sequence' as const, asns: [OWN.as] }, ...outside];
  return {
    ...rest,
    asPath,
    clusterList: [],
    extendedCommunities: attributes.extendedCommunities.filter(({ high }) => ((high >>> 24) & 0x40) === 0),
    ipv6ExtendedCommunities: attributes.ipv6ExtendedCommunities.filter(([type]) => (type & 0x40) === 0),
    ...(peer.kind === 'local' && med !== undefined && { med }),
  };
}

function toInternal({ peer, terms, attributes }: ModelPath): Attributes {
  const { linkLocalNextHop, ...rest } = attributes;
  void linkLocalNextHop;
  const reflected = terms.kind === 'internal' || terms.kind === 'client';
  return {
    ...rest,
    localPref: attributes.localPref ?? 100,
    ...(reflected && {
      originatorId: attributes.originatorId ?? peer.routerId,
      clusterList: [OWN.clusterId, ...attributes.clusterList],
    }),
  };
}

/** RFC 10005: transitive or not. */
function isBandwidth({ high }: Attributes['extendedCommunities'][number]): boolean {
  return ((high >>> 16) & 0xbfff) === 0x0004;
}

/** Undefined where it is ours. RFC 4271 §5.1.3; RFC 2545 §3: a link-local address is not told to those who may be on another link. */
function keptHop(attributes: Attributes, to: ModelPeer, terms: Terms): string | undefined {
  const mode = to.nextHopMode ?? 'auto';
  if (mode === 'self' || (mode === 'auto' && terms.kind === 'external')) return undefined;
  const known = attributes.nextHop;
  return known === '::' || known?.startsWith('fe80:') === true ? undefined : known;
}

function fits(attributes: Attributes, to: ModelPeer, family: 0 | 1): boolean {
  const block = encodeAttributes(attributes, family);
  const length = to.narrow === true ? toTwoOctetAs(block, 0, block.length).length : block.length;
  return length + OVERHEAD <= (to.extended === true ? 65_535 : 4096);
}
