/**
 * Routes that this router originates: those the advertiser wants, and those added by hand.
 */
import { encodeAttributes } from '../bgp/messages/attributes/attribute-codec.ts';
import type { Attributes } from '../bgp/messages/attributes/attributes.ts';
import { formatPrefix } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import { LOCAL_PEER, WORKLOAD_PEER } from '../rib/peers.ts';
import type { Rib } from '../rib/rib.ts';

/** Why a route is originated, with what it carries. */
export interface OwnRoute {
  readonly prefix: Prefix;
  /** In words. */
  readonly reason: string;
  readonly attributes: Attributes;
  /** Whether it is the route to a workload, which is exported by rules of its own. */
  readonly workload?: boolean;
  /** The interface that the kernel's route leads over. */
  readonly interface?: string;
}

/** A route added by hand takes the place of a wanted one for the same prefix until it is deleted. */
export class OwnRoutes {
  private readonly rib: Rib;
  private wanted = new Map<string, OwnRoute>();
  private readonly manual = new Map<string, OwnRoute>();

  constructor(rib: Rib) {
    this.rib = rib;
  }

  /** Replaces what the advertiser wants; only differences touch the RIB. */
  setWanted(routes: readonly OwnRoute[]): { added: OwnRoute[]; removed: OwnRoute[] } {
    const before = this.wanted;
    this.wanted = new Map(routes.map((route) => [formatPrefix(route.prefix), route]));
    const other = ([key, route]: [string, OwnRoute]): boolean => before.get(key)?.workload !== route.workload;
    const changed = [...this.wanted].filter(([key, route]) => isOtherWay(before.get(key), route));
    const removed = [...before].filter(([key]) => !this.wanted.has(key)).map(([, route]) => route);
    const added = [...this.wanted].filter(other).map(([, route]) => route);
    for (const route of removed) this.apply(route.prefix);
    for (const route of added) this.apply(route.prefix);
    for (const [, route] of changed) this.apply(route.prefix);
    return { added, removed };
  }

  add(route: OwnRoute): void {
    this.manual.set(formatPrefix(route.prefix), route);
    this.apply(route.prefix);
  }

  /** Deletes a route added by hand; false if there is none. */
  delete(prefix: Prefix): boolean {
    if (!this.manual.delete(formatPrefix(prefix))) return false;
    this.apply(prefix);
    return true;
  }

  /** Takes everything back. */
  clear(): void {
    const prefixes = [...this.wanted.values(), ...this.manual.values()].map((route) => route.prefix);
    this.wanted.clear();
    this.manual.clear();
    for (const prefix of prefixes) this.apply(prefix);
  }

  /** The route in force for a prefix. */
  get(prefix: Prefix): OwnRoute | undefined {
    const key = formatPrefix(prefix);
    return this.manual.get(key) ?? this.wanted.get(key);
  }

  private apply(prefix: Prefix): void {
    const route = this.get(prefix);
    const peer = route?.workload === true ? WORKLOAD_PEER : LOCAL_PEER;
    this.rib.withdrawOwn(prefix, peer === LOCAL_PEER ? WORKLOAD_PEER : LOCAL_PEER);
    if (route === undefined) {
      this.rib.withdrawOwn(prefix, peer);
      return;
    }
    const block = encodeAttributes(route.attributes, route.prefix.family);
    const set = this.rib.sets.acquire(block, 0, block.length);
    this.rib.originate(prefix, set, peer, route.interface);
    this.rib.sets.release(set);
  }
}

/** Whether a route that was there is told, or reached, in another way. */
function isOtherWay(before: OwnRoute | undefined, now: OwnRoute): boolean {
  if (before === undefined) return false;
  return before.interface !== now.interface || before.attributes.localPref !== now.attributes.localPref;
}
