import { describe, expect, it } from 'vitest';
import type { PeerExplanation } from '../../api/peer-explanation-types.ts';
import { renderPeerExplanation } from './peer-explanation-view.ts';

const PLAIN = { wide: false, headers: true, colour: false };
const REASON = 'BGPPeer "tor-a" makes every node peer with 10.0.0.254 (AS 64601, eBGP).';
const PEER: PeerExplanation['peers'][number] = {
  address: '10.0.0.254',
  wanted: true,
  source: 'BGPPeer tor-a',
  reason: REASON,
  heldDown: null,
  session: null,
};

function rendered(wanted: string, ...peers: PeerExplanation['peers'][number][]): string {
  return renderPeerExplanation({ query: 'tor-a', wanted, steps: [], peers }, PLAIN);
}

describe('explanation of peers', () => {
  it('says of each why it exists, unless that was said already', () => {
    const other = { ...PEER, address: '10.0.0.253', reason: 'Another one.' };
    expect(rendered('2 peers are wanted for "tor-a".', PEER, other)).toBe(`tor-a: 2 peers are wanted for "tor-a".

Peer 10.0.0.254
  Why it exists  ${REASON} (BGPPeer tor-a)
  Session        none

Peer 10.0.0.253
  Why it exists  Another one. (BGPPeer tor-a)
  Session        none
`);
    expect(rendered(`10.0.0.254 is wanted. ${REASON}`, PEER)).toBe(`tor-a: 10.0.0.254 is wanted. ${REASON}

Peer 10.0.0.254
  Session  none
`);
  });

  it('says why one existed that is wanted no more, and what is not done about it', () => {
    const session = {
      state: 'Established' as const,
      admin: 'up' as const,
      since: { time: '2026-01-02T03:00:00.000Z', epochSeconds: 0, agoSeconds: 125 },
      lastError: null,
      postponed: 'It is wanted no more, but no session would be left.',
    };
    const text = rendered('No peer is wanted for "tor-a": nothing gives one.', { ...PEER, wanted: false, session });
    expect(text).toContain(`  Why it existed  ${REASON} (BGPPeer tor-a)
  Session         Established for 2m05s
  Not done        It is wanted no more, but no session would be left.
`);
  });
});
