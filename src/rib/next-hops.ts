/**
 * Next hops as dense numbers. There are few of them beside routes, so their identity is kept in a Map.
 */
import { formatAddress, isLinkLocal, parseAddress } from '../net/address.ts';
import { U32Stack } from './columns.ts';

/** Size of the table of recently used next hops; a power of two. */
const RECENT = 256;

/** Metric of a next hop that can't be used. */
export const UNREACHABLE = Number.POSITIVE_INFINITY;

/** Stands for the metric of a next hop whose watch was not answered yet. */
const UNKNOWN = -1;

/** Finds out how next hops are reached, and answers through {@link NextHops.take}: once soon, then whenever that changes. */
export interface NextHopListener {
  /** `watch` is a number of its own, never used again; `address` is canonical and not link-local. */
  watch(watch: number, address: string): void;
  /** The next hop is in use no more: answers that are still to come are dropped. */
  unwatch(watch: number): void;
}

/** How a watched next hop is reached, or why it is not. */
export interface NextHopAnswer {
  /** The number given to {@link NextHopListener.watch}. */
  readonly id: number;
  readonly reachable: boolean;
  /** Cost of the way to it, 0 where it is directly connected; RFC 4271 §9.1.2.2 e. */
  readonly metric: number;
  /** E.g. `directly connected on eth0`. */
  readonly words: string;
  /** Name of the interface that packets to it leave through, '' where there is none. */
  readonly interface?: string;
}

/** Interns next hops: 4 bytes, 16 bytes, or 32 (global and link-local, RFC 2545 §3). Id 0 means "none". */
export class NextHops {
  /** Canonical text: of two addresses the global one, unless it is unspecified. By id. */
  readonly address: string[] = [''];
  /** The bytes as they stand in the attribute. By id. */
  readonly bytes: Uint8Array[] = [new Uint8Array(0)];
  /**
   * Cost to reach the next hop, {@link UNREACHABLE} where it can't be used: it is an address of this router itself, can't
   * be resolved, or is not known to be resolvable yet (RFC 4271 §9.1.2.1). By id.
   */
  readonly metric: number[] = [0];

  /** Canonical text of the link-local address, which counts only on the link of the peer it came from; '' for none. By id. */
  readonly linkLocal: string[] = [''];
  /** Name of the interface by the last answer, '' where it is not known. By id. */
  readonly interface: string[] = [''];
  /** Counts how often {@link interface} changed for an id in use. */
  interfaceChanges = 0;
  /** Counts freed ids: while it stands still, what was derived from ids stays true. */
  generation = 0;

  /** Number of next hops whose watch was not answered yet. */
  unanswered = 0;

  /** Who answers; without one all next hops count as directly reachable. */
  private readonly listener: NextHopListener | undefined;
  /** Metric by the last answer, {@link UNKNOWN} before the first one. By id. */
  private readonly answered: number[] = [0];
  /** Whether there was no answer yet that could count. By id. */
  private readonly unknown: boolean[] = [false];
  /** Words of the last answer. By id. */
  private readonly words: string[] = [''];
  /** Number of the watch, 0 where there is none. By id. */
  private readonly watchOf: number[] = [0];
  /** Ids by number of their watch. */
  private readonly watched = new Map<number, number>();
  private watches = 0;

  private readonly refs: number[] = [0];
  /** Ids met lately, by a hash of their last bytes: most sets share few next hops. */
  private readonly recent = new Uint32Array(RECENT);
  private readonly ids = new Map<string, number>();
  private readonly free = new U32Stack();
  private ownAddresses: ReadonlySet<string> = new Set();

  constructor(listener?: NextHopListener) {
    this.listener = listener;
  }

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
    this.refs[id] = 1;
    this.watch(id);
    return id;
  }

  /** A next hop on a link that is known only with the peer can't be asked for: it counts as reachable. */
  private watch(id: number): void {
    const asks = this.listener !== undefined && this.linkLocal[id] === '';
    const watch = asks ? ++this.watches : 0;
    this.watchOf[id] = watch;
    this.words[id] = '';
    this.interface[id] = '';
    this.answered[id] = asks ? UNKNOWN : 0;
    this.update(id);
    if (!asks) return;
    this.unanswered++;
    this.watched.set(watch, id);
    this.listener?.watch(watch, this.address[id]);
  }

  private unwatch(id: number): void {
    const watch = this.watchOf[id];
    if (watch === 0) return;
    if (this.answered[id] === UNKNOWN) this.unanswered--;
    this.watchOf[id] = 0;
    this.watched.delete(watch);
    this.listener?.unwatch(watch);
  }

  /** Gives one reference back. */
  release(id: number): void {
    if (id === 0 || --this.refs[id] > 0) return;
    this.ids.delete(String.fromCharCode(...this.bytes[id]));
    this.free.push(id);
    this.generation++;
    this.unwatch(id);
  }

  /**
   * Sets which addresses are this router's own: a next hop among them is never usable (RFC 4271 §6.3). Returns the ids
   * whose paths are to be decided anew.
   */
  setOwnAddresses(addresses: ReadonlySet<string>): number[] {
    this.ownAddresses = addresses;
    const changed: number[] = [];
    for (let id = 1; id < this.address.length; id++) if (this.refs[id] > 0 && this.update(id)) changed.push(id);
    return changed;
  }

  /** Takes answers to watches; those to watches that ended are dropped. Returns the ids whose paths are to be decided anew. */
  take(answers: readonly NextHopAnswer[]): number[] {
    const changed = new Set<number>();
    for (const { id: watch, reachable, metric, words, interface: link = '' } of answers) {
      const id = this.watched.get(watch);
      if (id === undefined) continue;
      if (this.answered[id] === UNKNOWN) this.unanswered--;
      this.answered[id] = reachable ? metric : UNREACHABLE;
      this.words[id] = words;
      if (this.interface[id] !== link) this.interfaceChanges++;
      this.interface[id] = link;
      if (this.update(id)) changed.add(id);
    }
    return [...changed];
  }

  /** Whether a next hop can't be used only because it is not known yet how it is reached. */
  isUnknown(id: number): boolean {
    return this.unknown[id];
  }

  /** Why an unusable next hop is so, in words. */
  whyUnusable(id: number): string {
    const hop = `next hop ${this.address[id]}`;
    if (this.isOwn(id)) return `${hop} is an address of this router`;
    return this.unknown[id]
      ? `${hop} is not resolved yet: the kernel has not answered yet`
      : `${hop} can't be resolved: ${this.words[id]}`;
  }

  /** How a usable next hop is reached, in words; empty where nobody was asked. */
  how(id: number): string {
    if (id === 0 || this.listener === undefined) return '';
    return this.watchOf[id] === 0 ? 'on the link of its peer' : this.words[id];
  }

  /**
   * Works out what an answer or our own addresses make of a next hop; returns whether that is something else than before.
   * What waits for an answer goes on even if that is no.
   */
  private update(id: number): boolean {
    const [metric, unknown] = [this.metric[id], this.unknown[id]];
    const [answered, isOwn] = [this.answered[id], this.isOwn(id)];
    this.metric[id] = answered === UNKNOWN || isOwn ? UNREACHABLE : answered;
    this.unknown[id] = answered === UNKNOWN && !isOwn;
    return this.metric[id] !== metric || this.unknown[id] !== unknown;
  }

  /** A link-local address of ours is none of ours on another link, where a neighbour may well have it. */
  private isOwn(id: number): boolean {
    const address = this.address[id];
    return this.ownAddresses.has(address) && address !== this.linkLocal[id];
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
