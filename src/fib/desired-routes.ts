/**
 * The routes of one family: which group each should have, which of its next-hop objects the kernel's route has, and the
 * queue of those where the two may differ. Columns over prefix ids; nothing is allocated per route.
 */
import type { Family } from '../net/family.ts';
import { U32Stack, growColumn } from '../rib/columns.ts';
import { PrefixTable } from '../rib/prefix-table.ts';
import { RouteCounts } from './route-counts.ts';
import { EMPTY_SET, FIRST_OBJECT, NO_GROUP, NO_OBJECT } from './targets.ts';
import type { Targets } from './targets.ts';

/** How many routes {@link DesiredRoutes.reconsiderSome} looks at. */
const SLICE = 32_768;

const QUEUED = 1;
const FAILED = 2;
const SEEN = 4;
/** Counted as wanted and in the kernel as it should be. */
const INSTALLED = 8;
/** Found in the kernel at the start and not written since. */
const ADOPTED = 16;
/** Was as it should be until somebody else changed it. */
const DAMAGED = 32;
/** What the kernel has was told by a notification, which may be older than the last change written. */
const DOUBTED = 64;

/** Where a route stands. */
export type RouteState = 'installed' | 'pending' | 'failed' | 'leftover' | 'held';

/** What became of a route that was taken from the queue. */
export type Settled = 'fine' | 'repaired' | 'newly failed' | 'still failed';

/** Wanted and actual routes of one family, by the ids of {@link table}. */
export class DesiredRoutes {
  readonly table: PrefixTable;
  /** The group that each route should have. */
  wanted: Uint32Array;
  /** The object that the kernel's route has, as far as is known. */
  kernel: Uint32Array;
  /** How many routes are wanted, how many of them the kernel has, and how many it can't be given. */
  desired = 0;
  installed = 0;
  failed = 0;

  private readonly targets: Targets;
  private flags: Uint8Array;
  /** The kernel's words about routes that it refused, by id. */
  private readonly errors = new Map<number, string>();
  private queue = new U32Stack();
  private next = new U32Stack();
  private cursor = 0;
  private readonly counts = new RouteCounts();
  /** The first route that is still to be reconsidered; all before it have been. */
  private unsure = Infinity;

  constructor(family: Family, targets: Targets) {
    this.table = new PrefixTable(family);
    this.targets = targets;
    const { capacity } = this.table;
    this.wanted = new Uint32Array(capacity);
    this.kernel = new Uint32Array(capacity);
    this.flags = new Uint8Array(capacity);
  }

  /** Number of routes queued; one more while it is not known yet whether others have to be. */
  get pending(): number {
    return this.queue.length - this.cursor + this.next.length + (this.unsure < this.table.end ? 1 : 0);
  }

  /** Sets which group a route should have, {@link NO_GROUP} for no route, and queues it unless it has that already. */
  want(a0: number, a1: number, a2: number, a3: number, length: number, group: number): void {
    if (group === NO_GROUP && this.table.find(a0, a1, a2, a3, length) === 0) return;
    const id = this.row(a0, a1, a2, a3, length);
    this.setWanted(id, group);
    const target = this.target(id);
    // As for most after a restart, and where the kernel's group has changed ahead of the RIB's.
    const fine = target !== EMPTY_SET && target === this.targets.setOfObject[this.kernel[id]] && group !== NO_GROUP;
    if (!fine || (this.flags[id] & (FAILED | DAMAGED | DOUBTED)) !== 0) this.enqueue(id);
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

  /** The set of next hops that the kernel's route should have. */
  target(id: number): number {
    return this.targets.target(this.wanted[id], this.kernel[id], (this.flags[id] & ADOPTED) !== 0);
  }

  /**
   * Notes what the kernel has now of a route that was taken from the queue; `failed` if it can't have what it should,
   * with the kernel's words if it refused.
   */
  settle(id: number, kernel: number, failed: boolean, error?: string): Settled {
    if (kernel !== this.kernel[id]) this.setKernel(id, kernel, ADOPTED | DOUBTED);
    const before = this.flags[id];
    this.setFailed(id, failed, error);
    this.refresh(id);
    this.flags[id] &= ~DAMAGED;
    if (failed) return (before & FAILED) === 0 ? 'newly failed' : 'still failed';
    this.dropIfUnused(id);
    return (before & DAMAGED) === 0 ? 'fine' : 'repaired';
  }

  /** Whether a route's failure may come of a notification that was out of date; asked once, then it isn't any more. */
  takeDoubt(id: number): boolean {
    const doubted = (this.flags[id] & DOUBTED) !== 0;
    this.flags[id] &= ~DOUBTED;
    return doubted;
  }

  /** Starts a comparison with the kernel's routes, each of which is given to {@link observe}. */
  beginObservation(): void {
    for (let id = 1; id < this.table.end; id++) this.flags[id] &= ~SEEN;
  }

  /** Notes a route that the kernel has; `adopt` if it is one of an earlier run. */
  observe(a0: number, a1: number, a2: number, a3: number, length: number, object: number, adopt: boolean): void {
    const id = this.row(a0, a1, a2, a3, length);
    this.flags[id] |= adopt ? SEEN | ADOPTED : SEEN;
    this.setKernel(id, object);
  }

  /** Ends the comparison: queues every route that the kernel hasn't got as it should be. */
  endObservation(): number {
    let damaged = 0;
    for (let id = 1; id < this.table.end; id++) {
      if (this.table.holders[id] === 0) continue;
      if ((this.flags[id] & SEEN) === 0) this.setKernel(id, NO_OBJECT);
      this.flags[id] &= ~DOUBTED;
      if (this.reconsider(id)) damaged = damaged === 0 ? id : damaged;
      this.dropIfUnused(id);
    }
    return damaged;
  }

  /**
   * Notes what somebody else did to a route: the object it has now, or {@link NO_OBJECT} if it is gone.
   * Returns its id if it is not as it should be by that, else 0.
   */
  told(a0: number, a1: number, a2: number, a3: number, length: number, object: number): number {
    if (object === NO_OBJECT && this.table.find(a0, a1, a2, a3, length) === 0) return 0;
    const id = this.row(a0, a1, a2, a3, length);
    this.setKernel(id, object);
    this.flags[id] |= DOUBTED;
    const damaged = this.reconsider(id);
    this.dropIfUnused(id);
    return damaged ? id : 0;
  }

  /** Notes that the kernel dropped all routes with these objects. Returns one that should be there, or 0. */
  forgetObjects(objects: ReadonlyMap<number, unknown>): number {
    let damaged = 0;
    for (let id = 1; id < this.table.end; id++) {
      if (this.kernel[id] < FIRST_OBJECT || !objects.has(this.kernel[id]) || this.table.holders[id] === 0) continue;
      this.setKernel(id, NO_OBJECT);
      this.flags[id] |= DOUBTED;
      if (this.reconsider(id)) damaged = id;
      this.dropIfUnused(id);
    }
    return damaged;
  }

  /** Has every route looked at again by {@link reconsiderSome}, after groups or objects changed. */
  reconsiderAll(): void {
    this.unsure = 1;
  }

  /** Queues those of some of the routes that are not as they should be. Returns whether there were any to look at. */
  reconsiderSome(): boolean {
    const { kernel, wanted, flags, table, targets } = this;
    const { setOfObject, setOfGroup, holding } = targets;
    if (this.unsure >= table.end) return false;
    const end = Math.min(table.end, this.unsure + SLICE);
    for (let id = this.unsure; id < end; id++) {
      const group = wanted[id];
      const now = setOfObject[kernel[id]];
      const target = holding ? this.target(id) : setOfGroup[group];
      // Most are fine and stay so.
      const fine = now === target && target !== EMPTY_SET && group !== NO_GROUP && !holding;
      if (fine && (flags[id] & (INSTALLED | FAILED)) === INSTALLED) continue;
      if (table.holders[id] === 0) continue;
      this.refresh(id);
      // One that can't be had has to be counted as failed, and one that failed may be fine now.
      const failed = (flags[id] & FAILED) !== 0;
      const impossible = target === EMPTY_SET && group !== NO_GROUP;
      if (now !== target || failed !== impossible) this.enqueue(id);
    }
    this.unsure = end < table.end ? end : Infinity;
    return true;
  }

  /** Votes for what each of the kernel's objects should hold, see {@link Votes}. */
  vote(votes: { cast(object: number, set: number, count: number): void }): void {
    this.counts.forEach((object, group, adopted, count) => {
      // A route that is to be deleted has no say.
      const target = this.targets.target(group, object, adopted);
      if (target !== EMPTY_SET || group !== NO_GROUP) votes.cast(object, target, count);
    });
  }

  /** Whether the kernel refused any route. */
  get hasRefused(): boolean {
    return this.errors.size > 0;
  }

  /** A route that has this object, or 0. */
  withObject(object: number): number {
    for (let id = 1; id < this.table.end; id++) {
      if (this.kernel[id] === object && this.table.holders[id] > 0) return id;
    }
    return 0;
  }

  /** Queues every route that the kernel refused. */
  retry(): void {
    for (const id of this.errors.keys()) this.enqueue(id);
  }

  /** Whether a route failed. */
  hasFailed(id: number): boolean {
    return (this.flags[id] & FAILED) !== 0;
  }

  /** The kernel's words about a route that it refused. */
  error(id: number): string | undefined {
    return this.errors.get(id);
  }

  /** Where a route stands. */
  state(id: number): RouteState {
    if (this.wanted[id] === NO_GROUP) return 'leftover';
    if ((this.flags[id] & FAILED) !== 0) return 'failed';
    const { setOfObject, setOfGroup } = this.targets;
    const now = setOfObject[this.kernel[id]];
    if (now === setOfGroup[this.wanted[id]] && now !== EMPTY_SET) return 'installed';
    return now === this.target(id) && now !== EMPTY_SET ? 'held' : 'pending';
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
    this.wanted[id] = NO_GROUP;
    this.kernel[id] = NO_OBJECT;
    this.flags[id] = 0;
    return id;
  }

  private dropIfUnused(id: number): void {
    if (this.wanted[id] !== NO_GROUP || this.kernel[id] !== NO_OBJECT || (this.flags[id] & QUEUED) !== 0) return;
    this.setFailed(id, false, undefined);
    this.table.drop(id);
  }

  private setWanted(id: number, group: number): void {
    const before = this.wanted[id];
    if (before === group) return;
    const { groupUsers } = this.targets;
    if (before === NO_GROUP) this.desired++;
    else groupUsers[before]--;
    if (group === NO_GROUP) this.desired--;
    else groupUsers[group]++;
    this.count(id, -1);
    this.wanted[id] = group;
    this.count(id, 1);
    this.refresh(id);
  }

  /** Notes which object the kernel's route has, and that some flags don't hold any longer by that. */
  private setKernel(id: number, object: number, over = 0): void {
    const before = this.kernel[id];
    if (before === object) return;
    const { objectUsers } = this.targets;
    if (before !== NO_OBJECT) objectUsers[before]--;
    if (object !== NO_OBJECT) objectUsers[object]++;
    this.count(id, -1);
    this.kernel[id] = object;
    this.flags[id] &= ~over;
    this.count(id, 1);
  }

  private count(id: number, by: 1 | -1): void {
    const object = this.kernel[id];
    if (object >= FIRST_OBJECT) this.counts.add(object, this.wanted[id], (this.flags[id] & ADOPTED) !== 0, by);
  }

  /** Counts a route as installed if it is. */
  private refresh(id: number): void {
    const { setOfGroup, setOfObject } = this.targets;
    const set = setOfGroup[this.wanted[id]];
    const installed = set !== EMPTY_SET && set === setOfObject[this.kernel[id]] ? INSTALLED : 0;
    if ((this.flags[id] & INSTALLED) === installed) return;
    this.flags[id] ^= INSTALLED;
    this.installed += installed === 0 ? -1 : 1;
  }

  /** Queues a route if the kernel hasn't got it as it should be; returns whether it had so far. */
  private reconsider(id: number): boolean {
    const before = this.flags[id];
    this.refresh(id);
    if (this.targets.setOfObject[this.kernel[id]] !== this.target(id)) this.enqueue(id);
    else if ((before & FAILED) !== 0) this.enqueue(id);
    const damaged = (before & INSTALLED) !== 0 && (this.flags[id] & INSTALLED) === 0;
    if (damaged) this.flags[id] |= DAMAGED;
    return damaged;
  }

  private setFailed(id: number, failed: boolean, error: string | undefined): void {
    if (error !== undefined) this.errors.set(id, error);
    else if (this.errors.size > 0) this.errors.delete(id);
    if (failed === ((this.flags[id] & FAILED) !== 0)) return;
    this.flags[id] ^= FAILED;
    this.failed += failed ? 1 : -1;
  }
}
