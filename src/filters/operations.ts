/** What an accepting rule does to a route (Calico's BGPFilter operations), as a change of its attributes. */
import type { AsSegment, Attributes } from '../bgp/messages/attributes/attributes.ts';
import { MAX_SEGMENT_LENGTH } from '../bgp/messages/attributes/as-path.ts';
import { parseCommunity } from '../bgp/messages/attributes/communities.ts';
import { formatLargeCommunity, parseLargeCommunity } from '../bgp/messages/attributes/large-communities.ts';
import { encodeMetric } from '../rib/local-preference.ts';
import type { AttributeRewrite } from '../rib/policy.ts';

/** One operation; exactly one field is set. Fields as Calico spells them. */
export interface Operation {
  /** `aa:nn` or `aa:nn:mm`. */
  readonly addCommunity?: { readonly value: string } | undefined;
  /** The path then begins with these, in this order. */
  readonly prependASPath?: { readonly prefix: readonly number[] } | undefined;
  /** The metric that LOCAL_PREF is to stand for. */
  readonly setPriority?: { readonly value: number } | undefined;
}

/** The change that operations make one after the other; undefined where there are none. */
export function rewriteOf(operations: readonly Operation[]): AttributeRewrite | undefined {
  if (operations.length === 0) return undefined;
  return {
    key: JSON.stringify(operations),
    rewrite: (attributes) => operations.reduce(operate, attributes),
  };
}

/** Operations in words, e.g. `adds community 65000:1, sets priority 512 (LOCAL_PREF 2147483135)`. */
export function operationsInWords(operations: readonly Operation[]): string {
  return operations.map(operationInWords).join(', ');
}

function operationInWords({ addCommunity, prependASPath, setPriority }: Operation): string {
  if (addCommunity !== undefined) return `adds community ${addCommunity.value}`;
  if (prependASPath !== undefined) return `puts ${prependASPath.prefix.join(' ')} in front of AS_PATH`;
  const priority = setPriority!.value;
  return `sets priority ${priority} (LOCAL_PREF ${encodeMetric(priority)})`;
}

function operate(attributes: Attributes, { addCommunity, prependASPath, setPriority }: Operation): Attributes {
  if (addCommunity !== undefined) return withCommunity(attributes, addCommunity.value);
  if (prependASPath !== undefined) {
    return { ...attributes, asPath: withAsInFront(attributes.asPath, prependASPath.prefix) };
  }
  return { ...attributes, localPref: encodeMetric(setPriority!.value) };
}

/** A community that is there is not added again. */
function withCommunity(attributes: Attributes, text: string): Attributes {
  const { communities, largeCommunities } = attributes;
  const community = parseCommunity(text);
  if (community !== undefined) {
    return communities.includes(community) ? attributes : { ...attributes, communities: [...communities, community] };
  }
  const large = parseLargeCommunity(text);
  if (large === undefined) return attributes;
  // The text may be written in another way, with leading zeros.
  const canonical = formatLargeCommunity(large);
  if (largeCommunities.some((known) => formatLargeCommunity(known) === canonical)) return attributes;
  return { ...attributes, largeCommunities: [...largeCommunities, large] };
}

function withAsInFront(path: readonly AsSegment[], asns: readonly number[]): AsSegment[] {
  const [first, ...rest] = path;
  if (first?.type === 'sequence' && first.asns.length + asns.length <= MAX_SEGMENT_LENGTH) {
    return [{ type: 'sequence', asns: [...asns, ...first.asns] }, ...rest];
  }
  return [{ type: 'sequence', asns }, ...path];
}
