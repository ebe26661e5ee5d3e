/** Routes added by hand: from what the API takes to attributes. */
import { ApiError } from '../api/errors.ts';
import type { RouteInput } from '../api/types.ts';
import { PLAIN_ATTRIBUTES } from '../bgp/messages/attributes/attributes.ts';
import type { Attributes } from '../bgp/messages/attributes/attributes.ts';
import { parseCommunity } from '../bgp/messages/attributes/communities.ts';
import { parseLargeCommunity } from '../bgp/messages/attributes/large-communities.ts';
import { canonicalAddress, tryParseAddress } from '../net/address.ts';
import type { Prefix } from '../net/prefix.ts';

/** The attributes a route by hand is originated with. Throws {@link ApiError} INVALID. */
export function attributesOf(prefix: Prefix, route: RouteInput): Attributes {
  const nextHop = route.nextHop === undefined ? undefined : nextHopOf(prefix, route.nextHop);
  return {
    ...PLAIN_ATTRIBUTES,
    ...(route.origin !== undefined && { origin: route.origin }),
    ...(route.asPath !== undefined &&
      route.asPath.length > 0 && { asPath: [{ type: 'sequence', asns: route.asPath }] }),
    ...(nextHop !== undefined && { nextHop }),
    ...(route.med !== undefined && { med: route.med }),
    ...(route.localPref !== undefined && { localPref: route.localPref }),
    communities: (route.communities ?? []).map((text) => parsed(text, parseCommunity(text), 'a community')),
    largeCommunities: (route.largeCommunities ?? []).map((text) =>
      parsed(text, parseLargeCommunity(text), 'a large community'),
    ),
  };
}

function nextHopOf(prefix: Prefix, text: string): string {
  const address = tryParseAddress(text);
  if (address === undefined || address.family !== prefix.family || address.zone !== undefined) {
    throw new ApiError('INVALID', `"${text}" is no next hop for the prefix: give an address of its family`);
  }
  return canonicalAddress(text);
}

function parsed<T>(text: string, value: T | undefined, what: string): T {
  if (value === undefined) throw new ApiError('INVALID', `"${text}" is not ${what}`);
  return value;
}
