/**
 * What the VXLAN overlay of a node should look like, and how a route asks for the way through it.
 */
import type { Family } from '../net/family.ts';

/** Another node of the overlay. */
export interface VxlanPeer {
  /** Name of the node, for messages. */
  readonly node: string;
  /** Canonical address of the node in the underlay: where the wrapped packets go. */
  readonly address: string;
  /** Canonical address that routes have as their gateway: the node's tunnel address, or its address where it has none. */
  readonly gateway: string;
  /** MAC address of the node's device, `aa:bb:cc:dd:ee:ff`. */
  readonly mac: string;
}

/** The VXLAN device of one address family on this node, and the nodes behind it. */
export interface VxlanPlan {
  readonly family: Family;
  /** Name of the device: `vxlan.calico` or `vxlan-v6.calico`. */
  readonly device: string;
  /** VXLAN network identifier (RFC 7348 §5). */
  readonly vni: number;
  /** UDP port that all nodes of the overlay listen on. */
  readonly port: number;
  /** MTU of the device in bytes; by default what the underlay leaves, see {@link vxlanOverhead}. */
  readonly mtu?: number;
  /** MAC address of the device. */
  readonly mac: string;
  /** Canonical address of this node in the underlay. */
  readonly localAddress: string;
  /** Canonical address for the device; left out where the node has none. */
  readonly tunnelAddress?: string;
  readonly peers: readonly VxlanPeer[];
  /** Felix sets the device up, and sees to its peers: what there is stays as it is. */
  readonly leftToFelix?: true;
}

/** The way to a node through a tunnel device, or why there is none. */
export type TunnelWay = { readonly gateway: Uint8Array; readonly interfaceIndex: number } | { readonly why: string };

/** Tells routes how to reach a node through its tunnel. */
export interface TunnelTable {
  /** The way to the node that has this canonical address in the underlay. */
  vxlan(address: string): TunnelWay;
}

/**
 * Bytes that VXLAN adds to a packet: the outer IP header (20 or 40), UDP (8), VXLAN (8) and the inner Ethernet header
 * (14) (RFC 7348 §5).
 */
export function vxlanOverhead(family: Family): number {
  return family === 0 ? 50 : 70;
}
