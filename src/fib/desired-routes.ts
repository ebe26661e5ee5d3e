/**
 * The routes of one family: which next-hop group each should have, which one the kernel has, and the queue of those
 * where the two may differ. Columns over prefix ids; nothing is allocated per route.
 */
import type { Family } from '../net/family.ts';
import { U32Stack, growColumn } from '../rib/columns.ts';
import { PrefixTable } from '../rib/prefix-table.ts';

/** In {@link DesiredRoutes.wanted} and {@link DesiredRoutes.kernel}: no route. */
export const NO_GROUP = 0;
/** In {@link DesiredRoutes.kernel}: a route of ours whose next hops are not those of any group. */
export const UNKNOWN_GROUP = 0xffffffff;

const QUEUED = 1;
const FAILED = 2;
const SEEN = 4;

/** What has to be done about a route in the kernel. */
export type RouteChange = 'none' | 'add' | 'replace' | 'delete';

/** The difference between what the kernel has and `target`, a group or {@link NO_GROUP}. */
export function routeChange(kernel: number, target: number): RouteChange {
  if (kernel === target) return 'none';
  if (target === NO_GROUP) return 'delete';
  return kernel === NO_GROUP ? 'add' : 'replace';
}

/** Is told how many routes, wanted or in the kernel, use each group. */
export interface GroupUsers {
  addUser(group: number): void;
  removeUser(group: number): void;
}

/** Wanted and actual routes of one family, by the ids of {@link table}. */
export class DesiredRoutes {
  readonly table: PrefixTable;
  /** The group that each route should have. */
  wanted: Uint32Array;
  /** The group that the kernel's route has, as far as is known. */
  kernel: Uint32Array;
  /** How many routes are wanted, how many of them the kernel has, and how many it can't be given. */
  desired = 0;
  installed = 0;
  failed = 0;

  private flags: Uint8Array;
  /** Why routes failed, by id. */
  private readonly errors = new Map<number, string>();
  private readonly users: GroupUsers;
  private queue = new U32Stack();
  private next = new U32Stack();
  private cursor = 0;

  constructor(family: Family, users: GroupUsers) {
    this.table = new PrefixTable(family);
    this.users = users;
    const { capacity } = this.table;
    this.wanted = new Uint32Array(capacity);
    this.kernel = new Uint32Array(capacity);
    this.flags = new Uint8Array(capacity);
  }

  /** Number of routes queued. */
  get pending(): number {
    return this.queue.length - this.cursor + this.next.length;
  }

  /** Sets which group a route should have, {@link NO_GROUP} for no route, and queues it. */
  want(a0: number, a1: number, a2: number, a3: number, length: number, group: number): void {
    if (group === NO_GROUP && this.table.find(a0, a1, a2, a3, length) === 0) return;
    const id = this.row(a0, a1, a2, a3, length);
    this.setWanted(id, group);
    this.enqueue(id);
  }

  /** Wants no route any more, and queues those that the kernel has. */
  wantNone(): void {
    for (let id = 1; id < this.table.end; id++) {
      if (this.table.holders[id] === 0) continue;
      this.setWanted(id, NO_GROUP);
      this.enqueue(id);
    }
  }

  /** Takes the next route from the queue; 0 if it is empty. Every id taken must be given to {@link settle}. */
  take(): number {
    if (this.cursor === this.queue.length) {
      this.queue.clear();
      this.cursor = 0;
      [this.queue, this.next] = [this.next, this.queue];
      if (this.queue.length === 0) return 0;
    }
    const id = this.queue.items[this.cursor++];
    this.flags[id] &= ~QUEUED;
    return id;
  }

  /** Queues a route, once. */
  enqueue(id: number): void {
    if ((this.flags[id] & QUEUED) !== 0) return;
    this.flags[id] |= QUEUED;
    this.next.push(id);
  }

  /**
   * Notes what the kernel has now of a route that was taken from the queue, and why it isn't what is wanted if so.
   * Returns whether that is a new failure.
   */
  settle(id: number, kernel: number, error?: string): boolean {
    this.setKernel(id, kernel);
    const before = (this.flags[id] & FAILED) !== 0;
    this.setError(id, error);
    this.dropIfUnused(id);
    return error !== undefined && !before;
  }

  /** Starts a comparison with the kernel's routes, each of which is given to {@link observe}. */
  beginObservation(): void {
    for (let id = 1; id < this.table.end; id++) this.flags[id] &= ~SEEN;
  }

  /** Notes a route that the kernel has, with one of our groups or {@link UNKNOWN_GROUP}. */
  observe(a0: number, a1: number, a2: number, a3: number, length: number, group: number): void {
    const id = this.row(a0, a1, a2, a3, length);
    this.flags[id] |= SEEN;
    this.setKernel(id, group);
  }

  /**
   * Ends the comparison: queues every wanted route that the kernel hasn't got as it should be, and those that are not
   * wanted if `sweep` says so.
   */
  endObservation(sweep: boolean): void {
    for (let id = 1; id < this.table.end; id++) {
      if (this.table.holders[id] === 0) continue;
      if ((this.flags[id] & SEEN) === 0) this.setKernel(id, NO_GROUP);
      const differs = this.wanted[id] !== this.kernel[id] && (sweep || this.wanted[id] !== NO_GROUP);
      if (differs) this.enqueue(id);
      else this.dropIfUnused(id);
    }
  }

  /** Queues every route that is in the kernel but not wanted. */
  sweep(): void {
    for (let id = 1; id < this.table.end; id++) {
      if (this.wanted[id] === NO_GROUP && this.kernel[id] !== NO_GROUP) this.enqueue(id);
    }
  }

  /** Queues every route that failed. */
  retry(): void {
    if (this.failed === 0) return;
    for (let id = 1; id < this.table.end; id++) if ((this.flags[id] & FAILED) !== 0) this.enqueue(id);
  }

  /** Queues the wanted routes of all groups for which `changed` holds a non-zero byte. */
  enqueueGroups(changed: Uint8Array): void {
    for (let id = 1; id < this.table.end; id++) if (changed[this.wanted[id]] === 1) this.enqueue(id);
  }

  /** Forgets what the kernel's routes of these groups hold, so that they are written again. */
  forgetGroups(changed: Uint8Array): void {
    for (let id = 1; id < this.table.end; id++) {
      if (this.kernel[id] === UNKNOWN_GROUP || changed[this.kernel[id]] !== 1) continue;
      this.setKernel(id, UNKNOWN_GROUP);
      this.enqueue(id);
    }
  }

  /** Why a route can't be had, or undefined. */
  error(id: number): string | undefined {
    return this.errors.get(id);
  }

  /** The id of a prefix's row, made and held if need be. */
  private row(a0: number, a1: number, a2: number, a3: number, length: number): number {
    const id = this.table.intern(a0, a1, a2, a3, length);
    if (this.table.holders[id] > 0) return id;
    this.table.hold(id);
    if (this.table.capacity > this.wanted.length) {
      this.wanted = growColumn(this.wanted, this.table.capacity);
      this.kernel = growColumn(this.kernel, this.table.capacity);
      this.flags = growColumn(this.flags, this.table.capacity);
    }
    this.wanted[id] = this.kernel[id] = NO_GROUP;
    this.flags[id] = 0;
    return id;
  }

  private dropIfUnused(id: number): void {
    if (this.wanted[id] !== NO_GROUP || this.kernel[id] !== NO_GROUP || (this.flags[id] & QUEUED) !== 0) return;
    this.setError(id, undefined);
    this.table.drop(id);
  }

  private setWanted(id: number, group: number): void {
    const before = this.wanted[id];
    if (before === group) return;
    this.count(id, -1);
    this.wanted[id] = group;
    this.count(id, 1);
    if (group !== NO_GROUP) this.users.addUser(group);
    if (before !== NO_GROUP) this.users.removeUser(before);
  }

  private setKernel(id: number, group: number): void {
    const before = this.kernel[id];
    if (before === group) return;
    this.count(id, -1);
    this.kernel[id] = group;
    this.count(id, 1);
    if (group !== NO_GROUP && group !== UNKNOWN_GROUP) this.users.addUser(group);
    if (before !== NO_GROUP && before !== UNKNOWN_GROUP) this.users.removeUser(before);
  }

  /** Adds a route to the counts of wanted and installed ones, or takes it away. */
  private count(id: number, by: number): void {
    if (this.wanted[id] === NO_GROUP) return;
    this.desired += by;
    if (this.wanted[id] === this.kernel[id]) this.installed += by;
  }

  private setError(id: number, error: string | undefined): void {
    if (error !== undefined) {
      if ((this.flags[id] & FAILED) === 0) this.failed++;
      this.flags[id] |= FAILED;
      this.errors.set(id, error);
    } else if ((this.flags[id] & FAILED) !== 0) {
      this.failed--;
      this.flags[id] &= ~FAILED;
      this.errors.delete(id);
    }
  }
}
