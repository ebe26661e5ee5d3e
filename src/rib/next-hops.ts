/**
 * Next hops as dense numbers. There are few of them beside routes, so their identity is kept in a Map.
 */
import { formatAddress, isLinkLocal, parseAddress } from '../net/address.ts';
import { U32Stack } from './columns.ts';

/** Size of the table of recently used next hops; a power of two. */
const RECENT = 256;

/** Metric of a next hop that can't be used. */
export const UNREACHABLE = Number.POSITIVE_INFINITY;

/** Interns next hops: 4 bytes, 16 bytes, or 32 (global and link-local, RFC 2545 §3). Id 0 means "none". */
export class NextHops {
  /** Canonical text: of two addresses the global one, unless it is unspecified. By id. */
  readonly address: string[] = [''];
  /** The bytes as they stand in the attribute. By id. */
  readonly bytes: Uint8Array[] = [new Uint8Array(0)];
  /**
   * Cost to reach the next hop, {@link UNREACHABLE} where it can't be used because it is an address of this router
   * itself. All others count as directly reachable: whether they resolve is the FIB's to find out. By id.
   */
  readonly metric: number[] = [0];

  /** Canonical text of the link-local address, which counts only on the link of the peer it came from; '' for none. By id. */
  readonly linkLocal: string[] = [''];
  /** Counts freed ids: while it stands still, what was derived from ids stays true. */
  generation = 0;

  private readonly refs: number[] = [0];
  /** Ids met lately, by a hash of their last bytes: most sets share few next hops. */
  private readonly recent = new Uint32Array(RECENT);
  private readonly ids = new Map<string, number>();
  private readonly free = new U32Stack();
  private ownAddresses: ReadonlySet<string> = new Set();

  /** The id of the next hop in `block[offset, offset + length)`, with one reference more; 0 for an empty one. */
  acquire(block: Uint8Array, offset: number, length: number): number {
    if (length === 0) return 0;
    const end = offset + length;
    const slot = (block[end - 1] ^ (block[end - 2] << 3) ^ (block[end - 3] << 6)) & (RECENT - 1);
    const recent = this.recent[slot];
    if (recent !== 0 && this.refs[recent] > 0 && this.isSame(recent, block, offset, length)) {
      this.refs[recent]++;
      return recent;
    }
    const id = this.acquireByKey(block, offset, length);
    this.recent[slot] = id;
    return id;
  }

  private isSame(id: number, block: Uint8Array, offset: number, length: number): boolean {
    const bytes = this.bytes[id];
    if (bytes.length !== length) return false;
    for (let i = 0; i < length; i++) if (bytes[i] !== block[offset + i]) return false;
    return true;
  }

  private acquireByKey(block: Uint8Array, offset: number, length: number): number {
    const bytes = block.subarray(offset, offset + length);
    const key = String.fromCharCode(...bytes);
    const known = this.ids.get(key);
    if (known !== undefined) {
      this.refs[known]++;
      return known;
    }
    const id = this.free.length > 0 ? this.free.pop() : this.address.length;
    this.ids.set(key, id);
    this.bytes[id] = bytes.slice();
    const [global, second] = addressesOf(bytes);
    this.address[id] = global;
    this.linkLocal[id] = second ?? (isLinkLocal(parseAddress(global).bytes) ? global : '');
    this.metric[id] = this.metricOf(id);
    this.refs[id] = 1;
    return id;
  }

  /** Gives one reference back. */
  release(id: number): void {
    if (id === 0 || --this.refs[id] > 0) return;
    this.ids.delete(String.fromCharCode(...this.bytes[id]));
    this.free.push(id);
    this.generation++;
  }

  /**
   * Sets which addresses are this router's own: a next hop among them is never usable (RFC 4271 §6.3). Returns whether any
   * next hop is usable now that was not before, or the other way round.
   */
  setOwnAddresses(addresses: ReadonlySet<string>): boolean {
    this.ownAddresses = addresses;
    let changed = false;
    for (let id = 1; id < this.address.length; id++) {
      const before = this.metric[id];
      this.metric[id] = this.metricOf(id);
      if (this.refs[id] > 0 && this.metric[id] !== before) changed = true;
    }
    return changed;
  }

  /** Why an unusable next hop is so, in words. */
  whyUnusable(id: number): string {
    return `next hop ${this.address[id]} is an address of this router`;
  }

  /** A link-local address of ours is none of ours on another link, where a neighbour may well have it. */
  private metricOf(id: number): number {
    const address = this.address[id];
    return this.ownAddresses.has(address) && address !== this.linkLocal[id] ? UNREACHABLE : 0;
  }
}

/** The addresses of a next hop (RFC 2545 §3). A pair may lack either of them. */
function addressesOf(bytes: Uint8Array): [address: string, linkLocal?: string] {
  if (bytes.length !== 32) return [formatAddress(bytes)];
  const [global, linkLocal] = [bytes.subarray(0, 16), bytes.subarray(16)];
  if (linkLocal.every((byte) => byte === 0)) return [formatAddress(global)];
  if (global.every((byte) => byte === 0)) return [formatAddress(linkLocal)];
  return [formatAddress(global), formatAddress(linkLocal)];
}
