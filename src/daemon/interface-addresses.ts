/** The addresses of this machine, for next hops and for telling our own. */
import { networkInterfaces } from 'node:os';
import { canonicalAddress, isLinkLocal, parseAddress } from '../net/address.ts';

/** All addresses of all interfaces, canonical, link-local ones without zone. */
export function allAddresses(): Set<string> {
  const infos = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return new Set(infos.map(({ address }) => canonicalAddress(address)));
}

/**
 * The IPv6 address beside an IPv4 one, or the other way round: the first one that is not link-local on the interface that
 * has `address`. What a neighbour on that link can reach for the other family (as other routers choose it).
 */
export function addressBeside(address: string): string | undefined {
  const wanted = parseAddress(address).family === 0 ? 'IPv6' : 'IPv4';
  for (const infos of Object.values(networkInterfaces())) {
    if (!infos?.some((info) => canonicalAddress(info.address) === address)) continue;
    const beside = infos.find((info) => info.family === wanted && !isLinkLocal(parseAddress(info.address).bytes));
    if (beside !== undefined) return canonicalAddress(beside.address);
  }
  return undefined;
}
