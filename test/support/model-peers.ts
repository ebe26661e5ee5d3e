/** What the RIB is told of the model's peers: their policies, and what they are to be told. */
import { parseAddress, parseU32 } from '../../src/net/address.ts';
import { FAMILIES } from '../../src/net/family.ts';
import type { PeerInfo } from '../../src/rib/peers.ts';
import { SOURCE_CLIENT, SOURCE_EXTERNAL, SOURCE_INTERNAL, SOURCE_LOCAL } from '../../src/rib/policy.ts';
import type { RoutePolicy } from '../../src/rib/policy.ts';
import type { GroupProfile } from '../../src/rib/update-group.ts';
import { CHANGES, OWN, RULES } from './rib-model.ts';
import type { ModelPeer, RuleName, Terms } from './rib-model.ts';

const SOURCES = {
  local: SOURCE_LOCAL,
  external: SOURCE_EXTERNAL,
  internal: SOURCE_INTERNAL,
  client: SOURCE_CLIENT,
} as const;
const KINDS = ['local', 'local', 'local', 'external', 'internal', 'client'] as const;

function policyOf(name: RuleName): RoutePolicy {
  const change = CHANGES[name];
  const rewrite = change === undefined ? undefined : { key: name, rewrite: change };
  return {
    key: name,
    perPrefix: name === 'short',
    ...(rewrite !== undefined && { rewrites: [rewrite] }),
    apply: ({ family, length, source, set, attributes }) => {
      if (!RULES[name](family, length, KINDS[source])) return 0;
      return rewrite === undefined ? set : attributes.rewrites.apply(rewrite, set, family);
    },
    explain: () => ({ accepted: true, why: name }),
  };
}

/** As `Peers` knows a peer on these terms. */
export function infoOf(peer: ModelPeer, terms: Terms): PeerInfo {
  return {
    address: peer.name,
    source: SOURCES[terms.kind],
    routerId: parseU32(peer.routerId),
    localAs: OWN.as,
    allowLocalAs: terms.allowLocalAs,
    importPolicy: policyOf(terms.import),
  };
}

/** As `Advertising` knows a peer on these terms. */
export function profileOf(peer: ModelPeer, terms: Terms): GroupProfile {
  return {
    to: terms.kind === 'local' ? 'external' : terms.kind,
    localAs: OWN.as,
    nextHopMode: peer.nextHopMode ?? 'auto',
    selfNextHop: [parseAddress(OWN.ipv4).bytes, parseAddress(OWN.ipv6).bytes],
    clusterId: parseU32(OWN.clusterId),
    localPrefScale: 'plain',
    normalMetric: [1024, 1024],
    exportPolicy: policyOf(terms.export),
    families: peer.families ?? FAMILIES,
    addPaths: peer.allPaths ?? [],
    fourOctetAs: peer.narrow !== true,
    maxMessage: peer.extended === true ? 65_535 : 4096,
  };
}
