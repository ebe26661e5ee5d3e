/**
 * Lists of next hops of the kernel's routes, each kept once however many routes have it.
 */
import { readU32 } from '../net/address.ts';
import type { KernelNextHop, RouteView } from './netlink/routes.ts';

/** Where routes lead. */
export interface HopList {
  readonly hops: readonly KernelNextHop[];
  /** Id of the next-hop object that says where packets go, else 0. */
  readonly objectId: number;
}

interface Entry extends HopList {
  readonly key: string;
  users: number;
}

const NO_HOPS: readonly KernelNextHop[] = [];

/** Interns lists; id 0 is never given out. */
export class HopLists {
  private readonly entries: (Entry | undefined)[] = [undefined];
  private readonly byKey = new Map<string, number>();
  private readonly free: number[] = [];
  /** The list given out last: neighbouring routes mostly lead the same way. */
  private last = 0;

  /** The id of a route's list, with one user more. */
  acquire(route: RouteView): number {
    const { nextHopId, nextHops } = route;
    const last = this.entries[this.last];
    if (nextHopId === 0 && last !== undefined && last.objectId === 0 && sameHops(last.hops, nextHops)) {
      last.users++;
    } else {
      this.last = nextHopId === 0 ? this.acquireHops(nextHops) : this.intern(`#${nextHopId}`, NO_HOPS, nextHopId);
    }
    return this.last;
  }

  /** The id of a list, with one user more. */
  acquireHops(hops: readonly KernelNextHop[]): number {
    return this.intern(hops.map((hop) => `${hopIdentity(hop)}*${hop.weight}`).join(), hops, 0);
  }

  hold(id: number): void {
    this.entries[id]!.users++;
  }

  /** Takes a user away; the last one frees the id. */
  release(id: number): void {
    const entry = this.entries[id]!;
    if (--entry.users > 0) return;
    this.entries[id] = undefined;
    this.byKey.delete(entry.key);
    this.free.push(id);
  }

  get(id: number): HopList {
    return this.entries[id]!;
  }

  /** The ids of the lists for which `test` holds, as marks by id. */
  marks(test: (list: HopList) => boolean): Uint8Array | undefined {
    let marks: Uint8Array | undefined;
    for (const [id, entry] of this.entries.entries()) {
      if (entry === undefined || !test(entry)) continue;
      marks ??= new Uint8Array(this.entries.length);
      marks[id] = 1;
    }
    return marks;
  }

  private intern(key: string, hops: readonly KernelNextHop[], objectId: number): number {
    let id = this.byKey.get(key);
    if (id === undefined) {
      id = this.free.pop() ?? this.entries.length;
      this.entries[id] = { key, hops, objectId, users: 0 };
      this.byKey.set(key, id);
    }
    this.entries[id]!.users++;
    return id;
  }
}

/** Text that two next hops share if they are the same but for their weight. */
export function hopIdentity({ gateway, interfaceIndex, onlink }: KernelNextHop): string {
  let text = onlink ? `!${interfaceIndex}` : `${interfaceIndex}`;
  for (let i = 0; i < gateway.length; i += 4) text += `.${readU32(gateway, i)}`;
  return text;
}

/** Whether two lists hold the same next hops in the same order, with the same weights. */
export function sameHops(a: readonly KernelNextHop[], b: readonly KernelNextHop[]): boolean {
  return (
    a.length === b.length &&
    a.every((hop, i) => {
      const { gateway, interfaceIndex, onlink, weight } = b[i];
      if (hop.interfaceIndex !== interfaceIndex || hop.onlink !== onlink || hop.weight !== weight) return false;
      return hop.gateway.length === gateway.length && hop.gateway.every((byte, j) => byte === gateway[j]);
    })
  );
}
