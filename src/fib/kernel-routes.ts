/**
 * Writes routes to the kernel.
 */
import { FAMILIES } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import { formatPrefixWords } from '../net/prefix.ts';
import type { DesiredRoutes } from './desired-routes.ts';
import type { HopSets } from './hop-sets.ts';
import { RTA_PREFSRC, RTN_BLACKHOLE, RTN_UNICAST } from './netlink/constants.ts';
import { MessageWriter } from './netlink/message-writer.ts';
import type { NetlinkClient } from './netlink/netlink-client.ts';
import { NetlinkError } from './netlink/netlink-error.ts';
import {
  beginNewRoute,
  endRouteToNextHopId,
  endRouteToNextHops,
  endRouteToNowhere,
  writeDeleteRoute,
} from './netlink/routes.ts';
import type { RouteOwner } from './netlink/routes.ts';
import type { ObjectTable } from './object-table.ts';
import { BLACKHOLE_OBJECT, BLACKHOLE_SET, EMPTY_SET, NO_GROUP, NO_OBJECT } from './targets.ts';
import type { Targets } from './targets.ts';

/** How many routes go into one send(): few enough that the thread can look at its messages in between. */
const SLICE = 200;
/** How many routes are looked at for that: most may be as they should be. */
const MOST_LOOKED = 10_000;
/** As an index of an object: the kernel refused the group that the route needs. */
const NO_USABLE = 0xffffffff;

/** What routes are written as. */
export interface RouteOptions {
  readonly owner: RouteOwner;
  /** By family, the source address for packets of this node (`RTA_PREFSRC`). */
  readonly preferredSource: readonly (Uint8Array | undefined)[];
}

/** What came of writing: how many of each, and the first in words. */
export interface WriteOutcome {
  /** Routes that the kernel newly refused. */
  refused: number;
  firstRefused: string;
  /** Routes that are as they should be again. */
  repaired: number;
  firstRepaired: string;
}

/** Nothing yet. */
export function newWriteOutcome(): WriteOutcome {
  return { refused: 0, firstRefused: '', repaired: 0, firstRepaired: '' };
}

/** Writes routes. */
export class KernelRoutes {
  /** Routes added or replaced, and deleted, so far. */
  written = 0;
  removed = 0;
  /** Whether something was refused that should not have been if the kernel had what it is thought to have. */
  doubtful = false;

  private readonly client: NetlinkClient;
  private readonly routes: readonly DesiredRoutes[];
  private readonly targets: Targets;
  private readonly sets: HopSets;
  private readonly objects: ObjectTable;
  private readonly options: RouteOptions;
  private readonly writer = new MessageWriter(64 * SLICE);
  /** The batch: which routes, of which family, and the object that each gets. */
  private readonly ids = new Uint32Array(SLICE);
  private readonly families = new Uint8Array(SLICE);
  private readonly given = new Uint32Array(SLICE);
  private count = 0;

  constructor(
    client: NetlinkClient,
    routes: readonly DesiredRoutes[],
    targets: Targets,
    sets: HopSets,
    objects: ObjectTable,
    options: RouteOptions,
  ) {
    this.client = client;
    this.routes = routes;
    this.targets = targets;
    this.sets = sets;
    this.objects = objects;
    this.options = options;
  }

  /**
   * Brings some of the queued routes into the kernel, and adds to `outcome` what newly failed and what was repaired.
   * Throws {@link NetlinkError}; the routes stay queued then.
   */
  writeQueued(outcome: WriteOutcome): void {
    this.writer.clear();
    this.count = 0;
    let looked = 0;
    for (const family of FAMILIES) {
      while (this.count < SLICE && looked++ < MOST_LOOKED) {
        const id = this.routes[family].take();
        if (id === 0) break;
        this.prepare(family, id, outcome);
      }
    }
    try {
      this.execute(outcome);
    } catch (error) {
      for (let i = 0; i < this.count; i++) this.routes[this.families[i]].enqueue(this.ids[i]);
      throw error;
    }
  }

  /** Settles a route at once if the kernel has what it can have, else adds it to the batch. */
  private prepare(family: Family, id: number, outcome: WriteOutcome): void {
    const routes = this.routes[family];
    const kernel = routes.kernel[id];
    const target = routes.target(id);
    if (this.targets.setOfObject[kernel] === target) {
      this.settle(family, id, kernel, target === EMPTY_SET && routes.wanted[id] !== NO_GROUP, undefined, outcome);
      return;
    }
    const object = this.objectFor(target);
    if (object === NO_USABLE) {
      const words = this.sets.sets[target]?.refused ?? 'its next hops are not written yet';
      this.settle(family, id, kernel, true, words, outcome);
      return;
    }
    this.write(family, id, object);
    this.ids[this.count] = id;
    this.families[this.count] = family;
    this.given[this.count++] = object;
  }

  private objectFor(target: number): number {
    if (target === EMPTY_SET) return NO_OBJECT;
    if (target === BLACKHOLE_SET) return BLACKHOLE_OBJECT;
    const set = this.sets.sets[target];
    return (set === undefined ? undefined : this.objects.usable(set)?.index) ?? NO_USABLE;
  }

  private write(family: Family, id: number, object: number): void {
    const { writer, options } = this;
    const { owner } = options;
    const { table, kernel } = this.routes[family];
    const { a0, a1, a2, a3, length } = table;
    if (object === NO_OBJECT) {
      writeDeleteRoute(writer, owner, family, a0[id], a1[id], a2[id], a3[id], length[id]);
      return;
    }
    const replace = kernel[id] !== NO_OBJECT;
    const type = object === BLACKHOLE_OBJECT ? RTN_BLACKHOLE : RTN_UNICAST;
    beginNewRoute(writer, owner, replace, family, a0[id], a1[id], a2[id], a3[id], length[id], type);
    if (object === BLACKHOLE_OBJECT) return endRouteToNowhere(writer);
    const source = options.preferredSource[family];
    if (source !== undefined) writer.attributeBytes(RTA_PREFSRC, source);
    const group = this.objects.objects[object]!;
    if (group.id !== 0) return endRouteToNextHopId(writer, group.id);
    const hops = group.set.members.map(({ member, weight }) => ({ ...member.hop, weight }));
    endRouteToNextHops(writer, family, hops);
  }

  private execute(outcome: WriteOutcome): void {
    const failures = new Map<number, string>();
    this.client.execute(this.writer, (index, errno, extAck) => {
      const words = this.judge(index, errno, extAck);
      if (words !== undefined) failures.set(index, words);
    });
    for (let i = 0; i < this.count; i++) {
      const id = this.ids[i];
      const family = this.families[i] as Family;
      const failure = failures.get(i);
      const object = this.given[i];
      // It is looked at again in the comparison that the doubt leads to.
      if (failure === '') continue;
      if (failure !== undefined) {
        this.settle(family, id, this.routes[family].kernel[id], true, failure, outcome);
        continue;
      }
      if (object === NO_OBJECT) this.removed++;
      else this.written++;
      this.settle(
        family,
        id,
        object,
        object === NO_OBJECT && this.routes[family].wanted[id] !== NO_GROUP,
        undefined,
        outcome,
      );
    }
    this.count = 0;
  }

  private settle(
    family: Family,
    id: number,
    kernel: number,
    failed: boolean,
    words: string | undefined,
    outcome: WriteOutcome,
  ): void {
    // Its row may go with this, so that its name has to be known before.
    const { a0, a1, a2, a3, length } = this.routes[family].table;
    const wanted = this.routes[family].wanted[id] !== NO_GROUP;
    const settled = this.routes[family].settle(id, kernel, failed, words);
    if (!wanted || settled === 'fine' || settled === 'still failed') return;
    const prefix = formatPrefixWords(family, a0[id], a1[id], a2[id], a3[id], length[id]);
    if (settled === 'repaired') {
      if (outcome.repaired++ === 0) outcome.firstRepaired = prefix;
    } else if (words !== undefined && outcome.refused++ === 0) {
      outcome.firstRefused = `${prefix}: ${words}`;
    }
  }

  /**
   * Why the kernel refused a message of the batch, in words; undefined if it comes to the same as success, and empty if
   * what the kernel has must be looked at first.
   */
  private judge(index: number, errno: number, extAck: string | undefined): string | undefined {
    const routes = this.routes[this.families[index]];
    const id = this.ids[index];
    const deleting = this.given[index] === NO_OBJECT;
    const error = new NetlinkError(`${deleting ? 'delete' : 'add'} route ${this.prefix(index)}`, errno, extAck);
    if (deleting) return error.errno === 'ESRCH' ? undefined : error.message;
    const doubted = routes.takeDoubt(id);
    // An object may have been deleted by somebody else, with all routes that used it.
    const objectGone = extAck !== undefined && /nexthop id does not exist/i.test(extAck);
    if (objectGone || (doubted && error.errno === 'EEXIST')) {
      this.doubtful = true;
      return '';
    }
    if (error.errno === 'EEXIST' && routes.kernel[id] === NO_OBJECT) {
      const { table, metric } = this.options.owner;
      return `another program's route to it is in table ${table} with metric ${metric}`;
    }
    return error.message;
  }

  private prefix(index: number): string {
    const { family, a0, a1, a2, a3, length } = this.routes[this.families[index]].table;
    const id = this.ids[index];
    return formatPrefixWords(family, a0[id], a1[id], a2[id], a3[id], length[id]);
  }
}
