import { parseAddress } from '../net/address.ts';
import { IPV4_UNICAST, IPV6_UNICAST } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import type { Neighbour } from '../peering/neighbour.ts';
import { addressBeside } from './interface-addresses.ts';

/** Our address of each of some families as the neighbour can reach it, in bytes. */
export function selfNextHops(
  local: string | undefined,
  neighbour: Neighbour,
  families: readonly Family[],
): [Uint8Array | undefined, Uint8Array | undefined] {
  const session = local === undefined ? undefined : parseAddress(local);
  const { ipv4, ipv6 } = neighbour.localAddresses;
  const choose = (family: Family, fallback: string | undefined): Uint8Array | undefined => {
    if (!families.includes(family)) return undefined;
    if (session?.family === family) return session.bytes;
    // A node may have thousands of interfaces: they are looked at only where that makes a difference.
    const beside = local === undefined || session?.zone !== undefined ? undefined : addressBeside(local);
    const address = beside ?? fallback;
    return address === undefined ? undefined : parseAddress(address).bytes;
  };
  return [choose(IPV4_UNICAST, ipv4), choose(IPV6_UNICAST, ipv6)];
}
