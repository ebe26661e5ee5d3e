/** Interfaces that packets of routes leave through, for policies that ask for them. */
import type { Family } from '../net/family.ts';
import type { AttributeSets } from './attribute-sets.ts';
import { OWN_PEERS, isOwnPeer } from './peers.ts';
import type { OwnPeer, Peers } from './peers.ts';

export class RouteInterfaces {
  private readonly sets: AttributeSets;
  private readonly peers: Peers;
  /** Those of own routes, by {@link keyOf}. */
  private readonly own = new Map<number, string>();

  constructor(sets: AttributeSets, peers: Peers) {
    this.sets = sets;
    this.peers = peers;
  }

  /**
   * The interface of a path, '' where it is not known: that of its next hop as the kernel has it, or of the peer where the next
   * hop is on the link with it; of an own route the one it was given. `prefix` is of own routes only.
   */
  of(set: number, peer: number, family: Family, prefix: number): string {
    if (isOwnPeer(peer)) return this.own.get(keyOf(peer, family, prefix)) ?? '';
    const { nextHop, nextHops } = this.sets;
    const hop = nextHop[set];
    const address = nextHops.linkLocal[hop] === '' ? undefined : this.peers.info[peer]?.address;
    return address?.split('%')[1] ?? nextHops.interface[hop];
  }

  /** Takes the interface of the own route of a pseudo-peer, '' for none; returns whether it was another one before. */
  setOwn(peer: OwnPeer, family: Family, prefix: number, link: string): boolean {
    const key = keyOf(peer, family, prefix);
    const before = this.own.get(key) ?? '';
    if (link === '') this.own.delete(key);
    else this.own.set(key, link);
    return before !== link;
  }
}

/** An own route as one number. */
function keyOf(peer: number, family: Family, prefix: number): number {
  return (prefix * 2 + family) * OWN_PEERS.length + peer;
}
