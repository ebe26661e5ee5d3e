/** The VXLAN tunnel endpoints (VTEPs) of the nodes, as their Node resources and names give them. */
import { hash } from 'node:crypto';
import { IPV4_UNICAST, IPV6_UNICAST } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import type { ResourceOf } from '../resources/kinds.ts';
import type { EncapsulationProblem } from './problem.ts';

/** What differs between the tunnels of the two families. */
export interface TunnelFamily {
  readonly family: Family;
  readonly name: 'IPv4' | 'IPv6';
  readonly device: string;
  readonly address: 'ipv4Address' | 'ipv6Address';
  readonly tunnelAddress: 'ipv4VXLANTunnelAddr' | 'ipv6VXLANTunnelAddr';
  readonly mac: 'vxlanTunnelMACAddr' | 'vxlanTunnelMACAddrV6';
  readonly mtu: 'vxlanMTU' | 'vxlanMTUV6';
  /** Added to the name of a node before it is hashed to a MAC address. */
  readonly hashSuffix: string;
  /** Endpoints by the Node they came from, which never changes: each is worked out once. */
  readonly known: WeakMap<ResourceOf<'Node'>, VxlanEndpoint>;
}

/** Devices and hashes as Felix has them, so that both find the same. */
export const TUNNEL_FAMILIES: readonly TunnelFamily[] = [
  {
    family: IPV4_UNICAST,
    name: 'IPv4',
    device: 'vxlan.calico',
    address: 'ipv4Address',
    tunnelAddress: 'ipv4VXLANTunnelAddr',
    mac: 'vxlanTunnelMACAddr',
    mtu: 'vxlanMTU',
    hashSuffix: '',
    known: new WeakMap(),
  },
  {
    family: IPV6_UNICAST,
    name: 'IPv6',
    device: 'vxlan-v6.calico',
    address: 'ipv6Address',
    tunnelAddress: 'ipv6VXLANTunnelAddr',
    mac: 'vxlanTunnelMACAddrV6',
    mtu: 'vxlanMTUV6',
    hashSuffix: '-v6',
    known: new WeakMap(),
  },
];

export interface VxlanEndpoint {
  readonly node: string;
  /** Address on the network that carries the tunnel. */
  readonly address: string;
  /** Address that stands for the node within the tunnel: its tunnel address, or `address` where it has none. */
  readonly gateway: string;
  readonly mac: string;
}

/** The endpoint of a node; undefined where it has no address of the family. */
export function vxlanEndpoint(node: ResourceOf<'Node'>, family: TunnelFamily): VxlanEndpoint | undefined {
  const { spec, metadata } = node;
  const address = spec.bgp[family.address]?.split('/')[0];
  if (address === undefined) return undefined;
  let known = family.known.get(node);
  if (known === undefined) {
    const mac = writtenMac(node, family) ?? derivedMac(metadata.name + family.hashSuffix);
    known = { node: metadata.name, address, gateway: spec[family.tunnelAddress] ?? address, mac };
    family.known.set(node, known);
  }
  return known;
}

/** A unicast MAC address in lower case. */
function writtenMac({ spec }: ResourceOf<'Node'>, { mac }: TunnelFamily): string | undefined {
  const text = spec[mac]?.toLowerCase();
  return text !== undefined && /^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/.test(text) ? text : undefined;
}

/** 0x66 (locally administered, unicast) and the first five bytes of the name's SHA-1, as in felix/calc/vxlan_resolver.go. */
function derivedMac(name: string): string {
  const digest = hash('sha1', name);
  let mac = '66';
  for (let at = 0; at < 10; at += 2) mac += `:${digest.slice(at, at + 2)}`;
  return mac;
}

/** A MAC address that can't be used, and so is not. */
export function macProblems(node: ResourceOf<'Node'>, family: TunnelFamily): readonly EncapsulationProblem[] {
  const text = node.spec[family.mac];
  if (text === undefined || text === '' || writtenMac(node, family) !== undefined) return [];
  const message = `"${text}" is not the MAC address of one device; the one derived from the node's name is used in its place. Nodes that take it as it is written can't reach this one by VXLAN: correct it, or leave it out.`;
  return [{ resource: `Node ${node.metadata.name}`, field: family.mac, message }];
}
