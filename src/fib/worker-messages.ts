/**
 * What the main thread and the FIB's worker tell each other.
 */
import type { Family } from '../net/family.ts';
import type { Prefix } from '../net/prefix.ts';
import type { FibNextHop } from './next-hop.ts';

/** Words a route takes in {@link RouteUpdates.words}: family << 8 | length, four of the address, group id (0: none). */
export const WORDS_PER_ROUTE = 6;

/** What the worker is started with. */
export interface WorkerOptions {
  readonly table: number;
  readonly protocol: number;
  readonly metric: number;
  readonly maxPaths: number;
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
  /** What it should have. */
  readonly nextHops: readonly FibNextHop[];
  /** `leftover`: in the kernel though nobody wants it; it goes at the end of the initial sync. */
  readonly state: 'installed' | 'pending' | 'failed' | 'leftover';
  /** Whether the kernel has a route of ours for the prefix, be it the wanted one or not. */
  readonly inKernel: boolean;
  /** Why it isn't as wanted, or why some of its next hops are left out. */
  readonly error?: string;
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
}

/** To the worker. */
export type FibRequest =
  | ({ readonly type: 'update' } & RouteUpdates)
  | { readonly type: 'endOfInitialSync' }
  /** Without a prefix all routes are listed, and the kernel is asked for its own first. */
  | { readonly type: 'list'; readonly id: number; readonly prefix: Prefix | undefined }
  | { readonly type: 'stop'; readonly keepRoutes: boolean };

/** From the worker. */
export type FibAnswer =
  | { readonly type: 'started' }
  | { readonly type: 'failed'; readonly trouble: FibTrouble }
  | { readonly type: 'trouble'; readonly trouble: FibTrouble }
  | {
      readonly type: 'status';
      /** How many updates the worker has taken in. */
      readonly updates: number;
      readonly counts: FibCounts;
      readonly synced: boolean;
      /** When the queue was last empty, as Date.now() has it; 0 for never. */
      readonly lastSync: number;
    }
  | { readonly type: 'routes'; readonly id: number; readonly routes: readonly FibRoute[] }
  | { readonly type: 'stopped' };

/** The first word of a route in {@link RouteUpdates.words}. */
export function routeHead(family: Family, length: number): number {
  return (family << 8) | length;
}
