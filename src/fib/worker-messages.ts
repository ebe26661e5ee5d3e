/**
 * What the main thread and the FIB's worker tell each other.
 */
import type { Family } from '../net/family.ts';
import type { Prefix } from '../net/prefix.ts';
import type { FibNextHop } from './next-hop.ts';
import type { FibRule } from './policy-rules.ts';
import type { VxlanPlan } from './tunnel-plan.ts';
import type { WorkloadRoute } from './workload-routes.ts';

/** Words a route takes in {@link RouteUpdates.words}: family << 8 | length, four of the address, group id (0: none). */
export const WORDS_PER_ROUTE = 6;

/** What the worker is started with. */
export interface WorkerOptions {
  readonly table: number;
  readonly protocol: number;
  readonly metric: number;
  readonly maxPaths: number;
  /** Source addresses that packets of this node itself get on our routes (`RTA_PREFSRC`). */
  readonly preferredSource: { readonly ipv4?: string; readonly ipv6?: string };
  readonly resilient: ResilientOptions | undefined;
  readonly rules: readonly FibRule[];
  /** Names of interfaces of workloads, `*` stands for any text. */
  readonly workloadInterfaces: readonly string[];
}

/** Groups that keep flows where they are when a next hop comes or goes (linux/nexthop.h, `NEXTHOP_GRP_TYPE_RES`). */
export interface ResilientOptions {
  readonly buckets: number;
  /** After how many idle seconds a flow may move; after how many seconds of imbalance it must (0: never). */
  readonly idleTimer: number;
  readonly unbalancedTimer: number;
}

/** Changes of one turn: definitions apply first, then routes, then releases. */
export interface RouteUpdates {
  readonly definitions: readonly { readonly id: number; readonly hops: readonly FibNextHop[] }[];
  readonly words: Uint32Array;
  readonly releases: readonly number[];
}

/** Something that can't be done, or that will not work as it should. */
export interface FibTrouble {
  /**
   * `FIB_ROUTE`: the kernel refuses routes. `FIB_NEXT_HOP`: next hops can't be used. `FIB_KERNEL`: the exchange with the
   * kernel failed. `FIB_WORKER`: the thread failed. `FIB_TUNNEL`: a VXLAN device is not as planned.
   * `FIB_RULE`: a policy rule is not as wanted.
   */
  readonly code: 'FIB_ROUTE' | 'FIB_NEXT_HOP' | 'FIB_KERNEL' | 'FIB_WORKER' | 'FIB_TUNNEL' | 'FIB_RULE';
  readonly message: string;
  /** How many routes it is about, where that is known. */
  readonly routes?: number;
}

/** A route that is wanted, or in the kernel. */
export interface FibRoute {
  readonly family: Family;
  readonly prefix: string;
  /** The next hops it should have, as the RIB says them; empty for a route that drops packets. */
  readonly nextHops: readonly FibNextHop[];
  /** What the kernel should have and has, in words: `10.0.0.2 dev eth0 weight 1`, `blackhole`. */
  readonly wanted: readonly string[];
  readonly actual: readonly string[];
  /** `leftover`: in the kernel though nobody wants it; it goes at the end of the initial sync. */
  readonly state: 'installed' | 'pending' | 'failed' | 'leftover';
  /** Whether the kernel has a route of ours for the prefix, be it the wanted one or not. */
  readonly inKernel: boolean;
  /** Why it isn't as wanted, or why some of its next hops are left out. */
  readonly error?: string;
  /** How each next hop is resolved, which are left out, and why the route is kept as it is. */
  readonly notes: readonly string[];
}

/** Some of the routes, in no order. */
export interface FibPage {
  readonly routes: FibRoute[];
  /** For the next page; null where there is none. */
  readonly next: number | null;
}

/** Which routes to list. */
export interface FibQuery {
  readonly family?: Family;
  /** 0 for the first page, which compares with the kernel's routes first. */
  readonly after: number;
  readonly limit: number;
  /** Leaves out routes that are as they should be. */
  readonly differencesOnly?: boolean;
}

/** What became of a next hop that is watched. */
export interface NextHopChange {
  readonly id: number;
  readonly reachable: boolean;
  /** 0 if directly connected, else the metric of the route to it, at least 1. */
  readonly metric: number;
  readonly words: string;
  /** Where packets to it leave; the first one by name where there are several, '' where it can't be reached. */
  readonly interface: string;
}

/** Routes of ours that somebody else had changed and that are as they should be again. */
export interface FibRepair {
  /** One of them. */
  readonly prefix: string;
  readonly words: string;
  readonly count: number;
}

/** How much there is of everything. */
export interface FibCounts {
  /** Routes that should be in the kernel, that are, and that can't be. */
  readonly desired: number;
  readonly installed: number;
  readonly failed: number;
  /** Routes still to be worked on. */
  readonly pending: number;
  /** Routes added or replaced, and deleted, since the start. */
  readonly written: number;
  readonly removed: number;
  /** Routes that somebody else had changed and that were put right since the start. */
  readonly repaired: number;
  /** Routes that were in the kernel at the start. */
  readonly adopted: number;
  /** Groups of next hops, and messages that wrote one since the start. */
  readonly groups: number;
  readonly groupWrites: number;
}

/** To the worker. */
export type FibRequest =
  | ({
      readonly type: 'update';
      readonly watch: readonly { readonly id: number; readonly address: string }[];
      readonly unwatch: readonly number[];
    } & RouteUpdates)
  | { readonly type: 'vxlan'; readonly plans: readonly VxlanPlan[] }
  | { readonly type: 'ways'; readonly ways: ReadonlyMap<string, string> }
  | { readonly type: 'workloadInterfaces'; readonly globs: readonly string[] }
  | { readonly type: 'ranges'; readonly ranges: readonly Prefix[] }
  | { readonly type: 'holdDown'; readonly address: string; readonly down: boolean }
  | { readonly type: 'endOfInitialSync' }
  | { readonly type: 'find'; readonly id: number; readonly prefix: Prefix }
  | { readonly type: 'page'; readonly id: number; readonly query: FibQuery }
  | { readonly type: 'stop'; readonly keepRoutes: boolean };

/** From the worker. */
export type FibAnswer =
  | { readonly type: 'started' }
  | { readonly type: 'failed'; readonly trouble: FibTrouble }
  | { readonly type: 'trouble'; readonly trouble: FibTrouble }
  | { readonly type: 'repaired'; readonly repair: FibRepair }
  | { readonly type: 'nextHops'; readonly changes: readonly NextHopChange[] }
  | { readonly type: 'workloads'; readonly added: readonly WorkloadRoute[]; readonly removed: readonly Prefix[] }
  | { readonly type: 'inRanges'; readonly added: readonly Prefix[]; readonly removed: readonly Prefix[] }
  | { readonly type: 'addresses'; readonly own: readonly string[] }
  | {
      readonly type: 'status';
      /** How many updates the worker has taken in. */
      readonly updates: number;
      readonly counts: FibCounts;
      readonly synced: boolean;
      /** When the queue was last empty, as Date.now() has it; 0 for never. */
      readonly lastSync: number;
      /** Time spent on writing to the kernel since the start, in seconds. */
      readonly applySeconds: number;
      /** What is in the way of tunnels and policy rules now, in words. */
      readonly problems: readonly string[];
      /** When what the kernel refused is tried again, as Date.now() has it; 0 where there is nothing. */
      readonly retryAt: number;
    }
  | ({ readonly type: 'page'; readonly id: number } & FibPage)
  | { readonly type: 'stopped' };

/** The first word of a route in {@link RouteUpdates.words}. */
export function routeHead(family: Family, length: number): number {
  return (family << 8) | length;
}
