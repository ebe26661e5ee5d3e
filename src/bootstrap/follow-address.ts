/** Keeps an address that was found as long as it is there: a node that changes its address loses all its sessions. */
import { completeAddress } from './detect-address.ts';
import type { Detection, HostInterface } from './detect-address.ts';

/** What is known of the address of one family. */
export interface FollowedAddress {
  /** With the length of its subnet; undefined where none was found. */
  readonly address: string | undefined;
  /** When it was first seen to be on no interface any more, as {@link checkAddress} is told the time. */
  readonly missedSince: number | undefined;
  /** The address before, where it went and no other was found. */
  readonly lost: string | undefined;
  /** Why none was found, as a clause. */
  readonly why: string | undefined;
}

/** Nothing was looked for yet. */
export const NO_ADDRESS: FollowedAddress = {
  address: undefined,
  missedSince: undefined,
  lost: undefined,
  why: undefined,
};

/** For how long an interface may be set up anew before its address is given up, in milliseconds: a check, or a few. */
const PATIENCE = 50_000;

/** What is known after a check at the time `now`, in milliseconds; `detect` is asked only where there is no address, or no more. */
export function checkAddress(
  before: FollowedAddress,
  now: number,
  interfaces: readonly HostInterface[],
  detect: () => Detection,
): FollowedAddress {
  const { address } = before;
  if (address !== undefined) {
    const found = completeAddress(address.slice(0, address.indexOf('/')), interfaces);
    if (found !== undefined) return { ...NO_ADDRESS, address: found };
    const { missedSince = now } = before;
    if (now - missedSince < PATIENCE) return { ...before, missedSince };
  }
  const detection = detect();
  if (detection.found) return { ...NO_ADDRESS, address: detection.address };
  return { ...NO_ADDRESS, lost: address ?? before.lost, why: detection.why };
}
