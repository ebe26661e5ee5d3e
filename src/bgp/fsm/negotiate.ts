/**
 * What two OPENs agree on, and whether the peer's is acceptable (RFC 4271 §6.2).
 */
import { formatU32 } from '../../net/address.ts';
import { FAMILY_NAMES, IPV4_UNICAST, SAFI_UNICAST, afiOf, familyOf } from '../../net/family.ts';
import type { Family } from '../../net/family.ts';
import { ByteWriter } from '../messages/byte-writer.ts';
import { encodeCapability } from '../messages/capabilities/capability-codec.ts';
import type { Capability, GracefulRestartCapability } from '../messages/capabilities/capability.ts';
import { BgpError } from '../messages/error.ts';
import {
  ERROR_OPEN,
  OPEN_BAD_BGP_IDENTIFIER,
  OPEN_BAD_PEER_AS,
  OPEN_UNACCEPTABLE_HOLD_TIME,
  OPEN_UNSUPPORTED_CAPABILITY,
} from '../messages/notification-codes.ts';
import type { Open } from '../messages/open.ts';
import type { FsmConfig } from './peer-state.ts';

/** What holds for a session. Times are seconds. */
export interface Negotiated {
  readonly peerAs: number;
  readonly peerRouterId: number;
  /** The lower of both sides' hold times; 0 is none. */
  readonly holdTime: number;
  /** Interval of KEEPALIVEs; 0 is none. */
  readonly keepaliveTime: number;
  /** Families that both sides speak, in index order; at least one. */
  readonly families: readonly Family[];
  /** Of those, the ones in which this side sends, and receives, prefixes with path identifiers (RFC 7911). */
  readonly addPaths: { readonly send: readonly Family[]; readonly receive: readonly Family[] };
  readonly fourOctetAs: boolean;
  /** Messages may be 65535 bytes long (RFC 8654). */
  readonly extendedMessage: boolean;
  /** The peer sends its routes again when asked (RFC 2918). */
  readonly routeRefresh: boolean;
  readonly enhancedRouteRefresh: boolean;
  /** The peer's capability, where both sides have it (RFC 4724). */
  readonly gracefulRestart: GracefulRestartCapability | undefined;
  /** The peer is in another AS. */
  readonly external: boolean;
  readonly peerCapabilities: readonly Capability[];
}

/**
 * Negotiates a session from the OPEN sent and the OPEN received.
 * Throws {@link BgpError} 2/x where the peer's is not acceptable.
 */
export function negotiate(local: Open, remote: Open, config: FsmConfig): Negotiated {
  const external = local.asn !== config.peerAs;
  checkPeer(local, remote, config, external);
  const both = (name: Capability['name']): boolean => has(local, name) && has(remote, name);
  const holdTime = Math.min(local.holdTime, remote.holdTime);
  const families = commonFamilies(remote, config);
  return {
    peerAs: remote.asn,
    peerRouterId: remote.routerId,
    holdTime,
    keepaliveTime: keepaliveTime(holdTime, config.keepaliveTime),
    families,
    // RFC 7911 §4: one side has to say that it can send, the other that it can receive.
    addPaths: {
      send: families.filter((family) => offers(local, family, 'send') && offers(remote, family, 'receive')),
      receive: families.filter((family) => offers(local, family, 'receive') && offers(remote, family, 'send')),
    },
    fourOctetAs: both('four-octet-as'),
    extendedMessage: both('extended-message'),
    routeRefresh: both('route-refresh'),
    enhancedRouteRefresh: both('enhanced-route-refresh'),
    gracefulRestart: has(local, 'graceful-restart') ? gracefulRestartOf(remote) : undefined,
    external,
    peerCapabilities: remote.capabilities,
  };
}

function checkPeer(local: Open, remote: Open, config: FsmConfig, external: boolean): void {
  if (remote.asn !== config.peerAs) {
    throw new BgpError(
      ERROR_OPEN,
      OPEN_BAD_PEER_AS,
      `the peer is in AS ${remote.asn}, but AS ${config.peerAs} is configured`,
      u32(remote.asn),
    );
  }
  // RFC 6286 §2.1, §2.2: not zero, and within an AS not that of this speaker.
  if (remote.routerId === 0 || (!external && remote.routerId === local.routerId)) {
    const which = remote.routerId === 0 ? 'zero' : 'also that of this node';
    throw new BgpError(
      ERROR_OPEN,
      OPEN_BAD_BGP_IDENTIFIER,
      `the peer's BGP identifier ${formatU32(remote.routerId)} is ${which}`,
      u32(remote.routerId),
    );
  }
  // RFC 4271 §4.2: either zero or at least three seconds.
  if (remote.holdTime === 1 || remote.holdTime === 2) {
    throw new BgpError(
      ERROR_OPEN,
      OPEN_UNACCEPTABLE_HOLD_TIME,
      `the peer wants a hold time of ${remote.holdTime} s; it must be 0 or at least 3 s`,
    );
  }
}

/** RFC 4271 §4.4: a third of the hold time, unless less is wanted; never zero while there is a hold time. */
function keepaliveTime(holdTime: number, wanted: number | undefined): number {
  const third = Math.floor(holdTime / 3);
  return wanted === undefined || wanted === 0 ? third : Math.min(wanted, third);
}

/** RFC 4760 §8, RFC 5492 §3. */
function commonFamilies(remote: Open, config: FsmConfig): Family[] {
  const announced = remote.capabilities.filter((capability) => capability.name === 'multiprotocol');
  // A speaker without the capability speaks plain BGP-4, which is IPv4 unicast.
  const theirs = announced.length === 0 ? [IPV4_UNICAST] : announced.map(({ afi, safi }) => familyOf(afi, safi));
  const common = config.families.filter((family) => theirs.includes(family)).sort((a, b) => a - b);
  if (common.length > 0) return common;
  const wanted = config.families.map((family) => FAMILY_NAMES[family]).join(', ');
  throw new BgpError(
    ERROR_OPEN,
    OPEN_UNSUPPORTED_CAPABILITY,
    `the peer speaks none of the configured address families (${wanted})`,
    encodeFamilies(config.families),
  );
}

/** The capabilities that were missed, as RFC 5492 §5 wants them in a NOTIFICATION. */
function encodeFamilies(families: readonly Family[]): Uint8Array {
  const out = new ByteWriter();
  for (const family of families) {
    encodeCapability({ name: 'multiprotocol', afi: afiOf(family), safi: SAFI_UNICAST }, out);
  }
  return out.finish();
}

function has(open: Open, name: Capability['name']): boolean {
  return open.capabilities.some((capability) => capability.name === name);
}

/** Whether an OPEN offers a direction of ADD-PATH in a family. */
function offers(open: Open, family: Family, direction: 'send' | 'receive'): boolean {
  return open.capabilities.some(
    (capability) =>
      capability.name === 'add-path' &&
      capability.families.some((one) => familyOf(one.afi, one.safi) === family && one[direction]),
  );
}

function gracefulRestartOf(open: Open): GracefulRestartCapability | undefined {
  return open.capabilities.find((capability) => capability.name === 'graceful-restart');
}

function u32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}
