/** The nodes of a large cluster and their blocks. All but two of the nodes are somewhere where no packet comes from. */

/** A node by its number. */
export interface ClusterNode {
  readonly name: string;
  readonly address: string;
}

/**
 * The node of the daemon. Of two nodes, the one whose address is the greater one as text opens the connection: this one
 * does so to all others.
 */
export const DAEMON: ClusterNode = { name: 'node-0', address: '10.200.0.1' };

/** The daemon's router, and the far end of its only link. */
export const ROUTER = '10.200.0.2';

/** A node by its number, from 1 on. */
export function clusterNode(number: number): ClusterNode {
  return { name: `node-${number}`, address: `10.100.${number >> 8}.${number & 255}` };
}

/** The other node that is there, at the far end of the daemon's link. */
export const PEER = clusterNode(1);

/** Where a node is after it has moved. */
export function movedAddress(number: number): string {
  return clusterNode(number).address.replace('10.100.', '10.110.');
}

/** The pool of all blocks. */
export const POOL = '172.16.0.0/12';

/** A block of the pool by its number, from 0 on, as `address/26`. */
export function blockCidr(number: number): string {
  const first = number * 64;
  return `172.${16 + (first >> 16)}.${(first >> 8) & 255}.${first & 255}/26`;
}
