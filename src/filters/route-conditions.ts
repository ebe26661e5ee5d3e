/**
 * Conditions of rules about a route's attributes and interface, compiled: asking them allocates nothing. Numbers are read from
 * the bytes of the attribute block.
 */
import { AS_SEQUENCE } from '../bgp/messages/attributes/as-path.ts';
import { AS_PATH, COMMUNITIES, LARGE_COMMUNITY } from '../bgp/messages/attributes/attribute-codes.ts';
import { attributeEnd, findAttribute, valueStart } from '../bgp/messages/attributes/attribute-walk.ts';
import { parseCommunity } from '../bgp/messages/attributes/communities.ts';
import { parseLargeCommunity } from '../bgp/messages/attributes/large-communities.ts';
import { readU32 } from '../net/address.ts';
import { metricOf } from '../rib/local-preference.ts';
import type { RouteView } from '../rib/policy.ts';

/** What a rule asks beside prefix and source; all that is given must hold. */
export interface RouteConditions {
  /** Glob over the name of the interface: `*` stands for any text. */
  readonly interface?: string | undefined;
  /** `aa:nn` or `aa:nn:mm`; the route carries it. */
  readonly community?: string | undefined;
  /** The AS_PATH begins with these, in this order. */
  readonly asPathPrefix?: readonly number[] | undefined;
  /** What the metric must be that LOCAL_PREF stands for. */
  readonly priority?: PriorityCondition | undefined;
}

/** A metric, or all that are better than that of normal routes. */
export interface PriorityCondition {
  readonly is: number | 'better-than-normal';
  /** Metric of normal routes. */
  readonly normal: number;
}

/** A compiled {@link RouteConditions}. */
export class CompiledConditions {
  private readonly glob: RegExp | undefined;
  /** Code of the attribute, and the numbers that must stand in it. */
  private readonly community: { readonly code: number; readonly parts: Uint32Array } | undefined;
  private readonly path: Uint32Array | undefined;
  private readonly priority: PriorityCondition | undefined;

  /** Throws RangeError for a community that is none. */
  constructor(conditions: RouteConditions) {
    const { community, asPathPrefix, priority } = conditions;
    this.glob = conditions.interface === undefined ? undefined : globExpression(conditions.interface);
    this.community = community === undefined ? undefined : communityParts(community);
    this.path = asPathPrefix === undefined ? undefined : Uint32Array.from(asPathPrefix);
    this.priority = priority;
  }

  /** Whether all hold for a route. */
  hold(route: RouteView): boolean {
    const { attributes, set } = route;
    if (this.priority !== undefined) {
      const { is, normal } = this.priority;
      const metric = metricOf(attributes.localPref[set], normal);
      if (is === 'better-than-normal' ? metric >= normal : metric !== is) return false;
    }
    if (this.glob !== undefined && !this.glob.test(route.interface)) return false;
    const start = attributes.offset[set];
    const end = start + attributes.length[set];
    if (this.community !== undefined && !carries(attributes.arena, start, end, this.community)) return false;
    return this.path === undefined || beginsWith(attributes.arena, start, end, this.path);
  }
}

/** Whether there is anything to be asked. */
export function hasConditions(conditions: RouteConditions): boolean {
  return Object.values(conditions).some((condition) => condition !== undefined);
}

function globExpression(glob: string): RegExp {
  const literal = glob.split('*').map((part) => part.replace(/[^a-zA-Z0-9_]/g, String.raw`\$&`));
  return new RegExp(`^${literal.join('.*')}$`);
}

function communityParts(text: string): { code: number; parts: Uint32Array } {
  const community = parseCommunity(text);
  if (community !== undefined) return { code: COMMUNITIES, parts: Uint32Array.of(community) };
  const large = parseLargeCommunity(text);
  if (large === undefined) throw new RangeError(`"${text}" is not a community`);
  const { globalAdministrator, localData1, localData2 } = large;
  return { code: LARGE_COMMUNITY, parts: Uint32Array.of(globalAdministrator, localData1, localData2) };
}

function carries(
  block: Uint8Array,
  start: number,
  end: number,
  wanted: { readonly code: number; readonly parts: Uint32Array },
): boolean {
  const attribute = findAttribute(block, start, end, wanted.code);
  if (attribute < 0) return false;
  const { parts } = wanted;
  const last = attributeEnd(block, attribute);
  for (let at = valueStart(block, attribute); at < last; at += parts.length * 4) {
    let same = 0;
    while (same < parts.length && readU32(block, at + same * 4) === parts[same]) same++;
    if (same === parts.length) return true;
  }
  return false;
}

/** A sequence may be cut into several segments; a set has no order, so the path that can match ends there. */
function beginsWith(block: Uint8Array, start: number, end: number, wanted: Uint32Array): boolean {
  const attribute = findAttribute(block, start, end, AS_PATH);
  if (attribute < 0) return false;
  const last = attributeEnd(block, attribute);
  let found = 0;
  for (let at = valueStart(block, attribute); at < last && block[at] === AS_SEQUENCE;) {
    const next = at + 2 + block[at + 1] * 4;
    for (at += 2; at < next; at += 4) {
      if (readU32(block, at) !== wanted[found]) return false;
      if (++found === wanted.length) return true;
    }
  }
  return false;
}
