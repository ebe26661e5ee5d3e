/** Keeps an address that was found as long as it is there: a node that changes its address loses all its sessions. */
import { completeAddress } from './detect-address.ts';
import type { Detection, HostInterface } from './detect-address.ts';

/** What is known of the address of one family. */
export interface FollowedAddress {
  /** With the length of its subnet; undefined where none was found. */
  readonly address: string | undefined;
  /** Checks that have not found it on any interface, one after the other. */
  readonly missed: number;
  /** The address before, where it went and no other was found. */
  readonly lost: string | undefined;
  /** Why none was found, as a clause. */
  readonly why: string | undefined;
}

/** Nothing was looked for yet. */
export const NO_ADDRESS: FollowedAddress = { address: undefined, missed: 0, lost: undefined, why: undefined };

/** An address is given up when it was not there at so many checks: an interface may be set up anew. */
const PATIENCE = 2;

/** What is known after a check; `detect` is asked only where there is no address, or no more. */
export function checkAddress(
  before: FollowedAddress,
  interfaces: readonly HostInterface[],
  detect: () => Detection,
): FollowedAddress {
  const { address } = before;
  if (address !== undefined) {
    const now = completeAddress(address.slice(0, address.indexOf('/')), interfaces);
    if (now !== undefined) return { address: now, missed: 0, lost: undefined, why: undefined };
    const missed = before.missed + 1;
    if (missed < PATIENCE) return { ...before, missed };
  }
  const detection = detect();
  if (detection.found) return { ...NO_ADDRESS, address: detection.address };
  return { address: undefined, missed: 0, lost: address ?? before.lost, why: detection.why };
}
