/** A neighbour as peering describes it, for tests that are about what becomes of it. */
import type { Neighbour } from '../../src/peering/neighbour.ts';

const NEIGHBOUR: Neighbour = {
  key: '192.0.2.2',
  address: '192.0.2.2',
  port: 179,
  peerAs: 65_001,
  localAs: 65_000,
  external: true,
  localAddresses: { ipv4: '192.0.2.1' },
  holdTime: 90,
  passive: false,
  families: [0],
  addPaths: { send: true, receive: true },
  allowLocalAs: 0,
  nextHopMode: 'auto',
  filters: [],
  reflectorClient: false,
  restartTime: 120,
  gracefulRestartMode: 'full',
  localPreference: 'auto',
  password: { kind: 'none' },
  type: 'global',
  labels: { 'peer.starling.dev/type': 'global', 'peer.starling.dev/name': 'b' },
  source: 'BGPPeer b',
  reason: 'It is wanted.',
};

/** An eBGP neighbour at 192.0.2.2, but for these fields. */
export function wantedNeighbour(fields: Partial<Neighbour> = {}): Neighbour {
  return { ...NEIGHBOUR, ...fields };
}
