/**
 * Words for what the kernel says of routes.
 */
import { formatPrefix } from '../net/prefix.ts';
import {
  RTN_ANYCAST,
  RTN_BLACKHOLE,
  RTN_BROADCAST,
  RTN_MULTICAST,
  RTN_PROHIBIT,
  RTN_THROW,
  RTN_UNREACHABLE,
} from './netlink/constants.ts';
import type { CoveringRoute } from './route-shadow.ts';

/** Names of routing protocols as `ip route` shows them (rt_protos of iproute2); Calico's Felix uses 80. */
const PROTOCOLS: ReadonlyMap<number, string> = new Map([
  [1, 'redirect'],
  [2, 'kernel'],
  [3, 'boot'],
  [4, 'static'],
  [9, 'ra'],
  [11, 'zebra'],
  [12, 'bird'],
  [16, 'dhcp'],
  [18, 'keepalived'],
  [42, 'babel'],
  [186, 'bgp'],
  [187, 'isis'],
  [188, 'ospf'],
  [189, 'rip'],
  [192, 'eigrp'],
]);

const TYPES: ReadonlyMap<number, string> = new Map([
  [RTN_BROADCAST, 'a broadcast address'],
  [RTN_ANYCAST, 'an anycast address'],
  [RTN_MULTICAST, 'a multicast address'],
  [RTN_BLACKHOLE, 'blackhole'],
  [RTN_UNREACHABLE, 'unreachable'],
  [RTN_PROHIBIT, 'prohibit'],
  [RTN_THROW, 'throw'],
]);

/** Name of a routing protocol (`RTPROT_*`). */
export function protocolName(protocol: number): string {
  return PROTOCOLS.get(protocol) ?? `protocol ${protocol}`;
}

/** Why a route that doesn't forward packets makes an address unreachable. */
export function typeWords({ type, prefix, protocol }: CoveringRoute): string {
  const name = TYPES.get(type) ?? `of type ${type}`;
  if (name.startsWith('a')) return `it is ${name} of a network that this node is connected to`;
  return `the route to it drops packets: ${name} ${formatPrefix(prefix)} (${protocolName(protocol)})`;
}
