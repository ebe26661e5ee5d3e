import { expect, it } from 'vitest';
import { encodeAttributes } from '../bgp/messages/attributes/attribute-codec.ts';
import type { GroupMember } from './next-hop-groups.ts';
import { SOURCE_EXTERNAL } from './policy.ts';
import { Rib } from './rib.ts';

const LINK_LOCAL = 'fe80::9';
const GLOBAL = '2001:db8::9';

/** Where a route of a peer is forwarded to, with the next hops that the peer gave. */
function forwardedTo(peerAddress: string, nextHop: string, linkLocalNextHop?: string): readonly GroupMember[] {
  const groups = new Map<number, readonly GroupMember[]>();
  let group = 0;
  const rib = new Rib({
    self: { routerId: 1, clusterId: 1 },
    forwarding: {
      define: (id, members) => void groups.set(id, members),
      release: () => {},
      set: (...words) => void (group = words[6]),
    },
  });
  const accept = {
    key: '',
    perPrefix: false,
    apply: ({ set }: { set: number }) => set,
    explain: () => ({ accepted: true, why: '' }),
  };
  const peer = rib.peers.add({
    address: peerAddress,
    source: SOURCE_EXTERNAL,
    routerId: 2,
    localAs: 64512,
    allowLocalAs: 0,
    importPolicy: accept,
  });
  const block = encodeAttributes(
    {
      origin: 'igp',
      asPath: [{ type: 'sequence', asns: [65001] }],
      nextHop,
      ...(linkLocalNextHop === undefined ? {} : { linkLocalNextHop }),
      atomicAggregate: false,
      communities: [],
      clusterList: [],
      extendedCommunities: [],
      ipv6ExtendedCommunities: [],
      largeCommunities: [],
      unknown: [],
    },
    1,
  );
  // 2001:db8:7::/48
  const nlri = Uint8Array.of(48, 0x20, 0x01, 0x0d, 0xb8, 0, 7);
  rib.announce(peer, 1, nlri, 0, nlri.length, rib.sets.acquire(block, 0, block.length));
  rib.decide(1);
  return groups.get(group) ?? [];
}

it.each([
  ['a session over IPv4', '192.0.2.9', GLOBAL, LINK_LOCAL, { address: GLOBAL, interface: undefined }],
  ['a session over global addresses', GLOBAL, GLOBAL, LINK_LOCAL, { address: GLOBAL, interface: undefined }],
  [
    'a session over link-local addresses',
    `${LINK_LOCAL}%eth0`,
    GLOBAL,
    LINK_LOCAL,
    { address: LINK_LOCAL, interface: 'eth0' },
  ],
  ['no global address', `${LINK_LOCAL}%eth0`, '::', LINK_LOCAL, { address: LINK_LOCAL, interface: 'eth0' }],
  ['no link-local address', `${LINK_LOCAL}%eth0`, GLOBAL, undefined, { address: GLOBAL, interface: undefined }],
  [
    'a link-local address alone',
    `${LINK_LOCAL}%eth0`,
    LINK_LOCAL,
    undefined,
    { address: LINK_LOCAL, interface: 'eth0' },
  ],
])(
  'forwards to the address of a pair that the link is known of (RFC 2545 §3): %s',
  (_what, peer, nextHop, second, hop) => {
    expect(forwardedTo(peer, nextHop, second)).toEqual([hop]);
  },
);
