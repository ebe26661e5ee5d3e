/**
 * Routes that this router originates: those the advertiser wants, and those added by hand.
 */
import { encodeAttributes } from '../bgp/messages/attributes/attribute-codec.ts';
import { PLAIN_ATTRIBUTES } from '../bgp/messages/attributes/attributes.ts';
import type { Attributes } from '../bgp/messages/attributes/attributes.ts';
import { formatPrefix } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import { LOCAL_PEER, SERVICE_PEER, WORKLOAD_PEER } from '../rib/peers.ts';
import type { OwnPeer } from '../rib/peers.ts';
import type { Rib } from '../rib/rib.ts';

/** Why a route is originated, with what it carries. */
export interface OwnRoute {
  readonly prefix: Prefix;
  /** What it is: routes to workloads and to services are exported by rules of their own. */
  readonly kind: 'block' | 'workload' | 'service' | 'manual';
  /** In words. */
  readonly reason: string;
  readonly attributes: Attributes;
  /** The interface that the kernel's route leads over. */
  readonly interface?: string;
}

/** A route to services: a prefix, and the label by which export policies know on which terms whom to tell it. */
export interface LabelledRoute {
  readonly prefix: Prefix;
  readonly label: number;
  /** In words. */
  readonly reason: string;
}

/**
 * A route added by hand takes the place of a wanted one for the same prefix until it is deleted; a block or a workload that of
 * services.
 */
export class OwnRoutes {
  private readonly rib: Rib;
  private wanted = new Map<string, OwnRoute>();
  private readonly services = new Map<string, OwnRoute>();
  private readonly manual = new Map<string, OwnRoute>();

  constructor(rib: Rib) {
    this.rib = rib;
  }

  /** Replaces what is wanted, but for services; only differences touch the RIB. */
  setWanted(routes: readonly OwnRoute[]): { added: OwnRoute[]; removed: OwnRoute[] } {
    const before = this.wanted;
    const now = new Map(routes.map((route) => [formatPrefix(route.prefix), route]));
    const gone = [...before].filter(([key]) => !now.has(key));
    const added = [...now].filter(([key, route]) => before.get(key)?.kind !== route.kind);
    const changed = [...now].filter(([key, route]) => isOtherWay(before.get(key), route));
    // Read before anything is replaced.
    const touched = [...gone, ...added, ...changed].map(([, { prefix }]) => ({ prefix, was: this.get(prefix) }));
    this.wanted = now;
    for (const { prefix, was } of touched) this.apply(prefix, was);
    return { added: added.map(([, route]) => route), removed: gone.map(([, route]) => route) };
  }

  /** Changes the routes to services: `set` are new ones and those with another label. Costs as much as there are changes. */
  changeServices(set: readonly LabelledRoute[], removed: readonly Prefix[]): void {
    for (const prefix of removed) this.replaceIn(this.services, prefix, undefined);
    for (const { prefix, label, reason } of set) {
      const attributes = { ...PLAIN_ATTRIBUTES, label };
      this.replaceIn(this.services, prefix, { prefix, kind: 'service', reason, attributes });
    }
  }

  add(route: OwnRoute): void {
    this.replaceIn(this.manual, route.prefix, route);
  }

  /** Deletes a route added by hand; false if there is none. */
  delete(prefix: Prefix): boolean {
    if (!this.manual.has(formatPrefix(prefix))) return false;
    this.replaceIn(this.manual, prefix, undefined);
    return true;
  }

  /** Takes everything back. */
  clear(): void {
    for (const routes of [this.wanted, this.services, this.manual]) {
      for (const { prefix } of routes.values()) this.replaceIn(routes, prefix, undefined);
    }
  }

  /** The labels of routes to services, those included in whose place another one is. */
  get labels(): ReadonlySet<number> {
    return new Set(Array.from(this.services.values(), ({ attributes }) => attributes.label ?? 0));
  }

  /** The route in force for a prefix. */
  get(prefix: Prefix): OwnRoute | undefined {
    const key = formatPrefix(prefix);
    return this.manual.get(key) ?? this.wanted.get(key) ?? this.services.get(key);
  }

  private replaceIn(routes: Map<string, OwnRoute>, prefix: Prefix, route: OwnRoute | undefined): void {
    const was = this.get(prefix);
    if (route === undefined) routes.delete(formatPrefix(prefix));
    else routes.set(formatPrefix(prefix), route);
    this.apply(prefix, was);
  }

  /** Brings the RIB in line, where `was` was in force. */
  private apply(prefix: Prefix, was: OwnRoute | undefined): void {
    const route = this.get(prefix);
    if (was !== undefined && (route === undefined || peerOf(was) !== peerOf(route))) {
      this.rib.withdrawOwn(prefix, peerOf(was));
    }
    if (route === undefined || route === was) return;
    const block = encodeAttributes(route.attributes, route.prefix.family);
    const set = this.rib.sets.acquire(block, 0, block.length);
    this.rib.originate(prefix, set, peerOf(route), route.interface);
    this.rib.sets.release(set);
  }
}

function peerOf({ kind }: OwnRoute): OwnPeer {
  if (kind === 'service') return SERVICE_PEER;
  return kind === 'workload' ? WORKLOAD_PEER : LOCAL_PEER;
}

/** Whether a route that was there is told, or reached, in another way. */
function isOtherWay(before: OwnRoute | undefined, now: OwnRoute): boolean {
  if (before?.kind !== now.kind) return false;
  return before.interface !== now.interface || before.attributes.localPref !== now.attributes.localPref;
}
