/**
 * Graceful shutdown (RFC 8326): routes that are about to go carry a community, and are used only where there is nothing else.
 */
import { GRACEFUL_SHUTDOWN } from '../bgp/messages/attributes/attribute-summary.ts';
import type { Attributes } from '../bgp/messages/attributes/attributes.ts';
import { COMMUNITY_GRACEFUL_SHUTDOWN } from '../bgp/messages/attributes/communities.ts';
import { REJECTED } from '../rib/policy.ts';
import type { AttributeRewrite, PolicyVerdict, RoutePolicy, RouteView } from '../rib/policy.ts';

/** The least LOCAL_PREF there is, as RFC 8326 recommends. */
const LEAST: AttributeRewrite = {
  key: 'graceful-shutdown heeded',
  rewrite: (attributes) => ({ ...attributes, localPref: 0 }),
};

const TO_EXTERNAL: AttributeRewrite = { key: 'graceful-shutdown external', rewrite: withCommunity };

const TO_INTERNAL: AttributeRewrite = {
  key: 'graceful-shutdown internal',
  rewrite: (attributes) => ({ ...withCommunity(attributes), localPref: 0 }),
};

/** An import policy that gives LOCAL_PREF 0, whatever filters made of it, to routes with the community (§4). */
export function heedingShutdown(policy: RoutePolicy): RoutePolicy {
  const isAnnounced = ({ attributes }: RouteView, set: number): boolean =>
    set !== REJECTED && (attributes.wellKnown[set] & GRACEFUL_SHUTDOWN) !== 0;
  return {
    ...policy,
    rewrites: [...(policy.rewrites ?? []), LEAST],
    apply(route: RouteView): number {
      const set = policy.apply(route);
      return isAnnounced(route, set) ? route.attributes.rewrites.apply(LEAST, set, route.family) : set;
    },
    explain(route: RouteView): PolicyVerdict {
      const { accepted, why } = policy.explain(route);
      if (!isAnnounced(route, policy.apply(route))) return { accepted, why };
      return { accepted, why: `${why}; LOCAL_PREF is 0, because it has the community graceful-shutdown (RFC 8326)` };
    },
  };
}

/** An export policy that gives all routes the community, and to internal peers LOCAL_PREF 0 (§4). */
export function announcingShutdown(policy: RoutePolicy, external: boolean): RoutePolicy {
  const rewrite = external ? TO_EXTERNAL : TO_INTERNAL;
  const words = `adds community graceful-shutdown${external ? '' : ' and sets LOCAL_PREF 0'} (this node is being drained)`;
  const row = { key: rewrite.key, within: undefined };
  return {
    ...policy,
    key: `${rewrite.key} ${policy.key}`,
    rewrites: [...(policy.rewrites ?? []), rewrite],
    ...(policy.rows !== undefined && {
      rows: [
        [row, ...policy.rows[0]],
        [row, ...policy.rows[1]],
      ],
    }),
    apply(route: RouteView): number {
      const set = policy.apply(route);
      return set === REJECTED ? REJECTED : route.attributes.rewrites.apply(rewrite, set, route.family);
    },
    explain(route: RouteView): PolicyVerdict {
      const { accepted, why } = policy.explain(route);
      return { accepted, why: accepted ? `${why}; ${words}` : why };
    },
  };
}

function withCommunity(attributes: Attributes): Attributes {
  const { communities } = attributes;
  if (communities.includes(COMMUNITY_GRACEFUL_SHUTDOWN)) return attributes;
  return { ...attributes, communities: [...communities, COMMUNITY_GRACEFUL_SHUTDOWN] };
}
