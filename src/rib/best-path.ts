/**
 * Best-path selection, RFC 4271 §9.1.2, as elimination: all candidates go through the steps together, and at each step
 * those that are worse than the best drop out. So the outcome doesn't depend on the order in which paths came, and the
 * step at which a path lost is known by the same code that selects.
 */
import { HAS_MED } from './attribute-sets.ts';
import type { AttributeSets } from './attribute-sets.ts';
import { growColumn } from './columns.ts';
import { degreeOfPreference } from './local-preference.ts';
import { UNREACHABLE } from './next-hops.ts';
import type { PathTable } from './path-table.ts';
import { isOwnPeer } from './peers.ts';
import type { Peers } from './peers.ts';
import { SOURCE_EXTERNAL } from './policy.ts';
import { isGone } from './stale-paths.ts';

/** The steps in order; a path's outcome is the step at which it lost, or `STEP_NONE` while it is in the race. */
export const STEP_NONE = 0;
export const STEP_LOCAL = 1;
export const STEP_LOCAL_PREF = 2;
export const STEP_PATH_LENGTH = 3;
export const STEP_ORIGIN = 4;
export const STEP_MED = 5;
export const STEP_EXTERNAL = 6;
export const STEP_METRIC = 7;
export const STEP_CURRENT = 8;
export const STEP_ROUTER_ID = 9;
export const STEP_CLUSTER_LIST = 10;
export const STEP_ADDRESS = 11;
export const STEP_PATH_ID = 12;

/** What each step compares, in words, by step. */
export const STEP_NAMES = [
  'in the race',
  'locally originated',
  'LOCAL_PREF',
  'AS_PATH length',
  'ORIGIN',
  'MED',
  'eBGP over iBGP',
  'metric to the next hop',
  'already selected',
  'router id',
  'CLUSTER_LIST length',
  'peer address',
  'path identifier',
] as const;

/** The usual knobs of best-path selection. */
export interface BestPathOptions {
  /** Compare MED between paths of different neighbouring ASes too. */
  readonly alwaysCompareMed: boolean;
  /** Compare MED in all paths of a neighbouring AS at once (RFC 4271 §9.1.2.2 c); otherwise one by one, newest first. */
  readonly deterministicMed: boolean;
  /** A path without MED is the worst, not the best, of its kind. */
  readonly missingMedWorst: boolean;
  /** Among external paths compare router ids, rather than keep the one selected already (RFC 5004). */
  readonly compareRouterId: boolean;
  /** Paths of different neighbouring ASes may form one multipath. */
  readonly multipathRelax: boolean;
  /** Most paths in one multipath. */
  readonly maxPaths: number;
}

export const DEFAULT_BEST_PATH: BestPathOptions = {
  alwaysCompareMed: false,
  deterministicMed: true,
  missingMedWorst: false,
  compareRouterId: true,
  multipathRelax: true,
  maxPaths: 16,
};

/** Selects among the paths of one prefix at a time; its arrays are reused. */
export class BestPathSelector {
  /** Rows of the paths in the race, the best first; see {@link select}. */
  candidates = new Uint32Array(16);
  /** Step at which the path at the same place of {@link candidates} lost. */
  lostAt = new Uint8Array(16);
  /** Number of candidates of the last {@link select}. */
  count = 0;
  /** How many of the first candidates form the multipath of the last {@link select}. */
  multipath = 0;
  /** Whether the last {@link select} left a path out of which it is not known yet whether its next hop can be reached. */
  leftOutUnknown = false;

  options: BestPathOptions;
  private readonly sets: AttributeSets;
  private readonly peers: Peers;
  private table!: PathTable;

  constructor(options: BestPathOptions, sets: AttributeSets, peers: Peers) {
    this.options = options;
    this.sets = sets;
    this.peers = peers;
  }

  /**
   * Selects among the accepted paths of a prefix. Returns the row of the best one, or 0. Afterwards {@link candidates}
   * holds all `count` candidates, the best at place 0, the first `multipath` of them to be used together.
   */
  select(table: PathTable, prefix: number): number {
    this.table = table;
    this.count = 0;
    this.leftOutUnknown = false;
    const { hasGonePaths } = this.peers;
    for (let row = table.first[prefix]; row !== 0; row = table.next[row]) {
      if (table.accepted[row] === 0 || (hasGonePaths && isGone(this.peers, table, row))) continue;
      if (this.isUsable(table, row)) this.add(row);
      else if (this.waits(table, row)) this.leftOutUnknown = true;
    }
    if (this.count < 2) {
      this.multipath = this.count;
      return this.count === 0 ? 0 : this.candidates[0];
    }
    this.lostAt.fill(STEP_NONE, 0, this.count);
    let left = this.count;
    for (let step = STEP_LOCAL; step <= STEP_METRIC && left > 1; step++) {
      left = step === STEP_MED ? this.dropByMed(left) : this.keepSmallest(step, left);
    }
    const equal = left;
    if (!this.options.compareRouterId && left > 1) left = this.keepCurrent(prefix, left);
    for (let step = STEP_ROUTER_ID; step <= STEP_PATH_ID && left > 1; step++) left = this.keepSmallest(step, left);
    this.multipath = equal === 1 ? 1 : this.chooseMultipath(equal);
    return this.candidates[0];
  }

  /**
   * Whether an accepted path may be used: not if its next hop, given by a peer, is our own address (RFC 4271 §6.3) or can't be
   * resolved (§9.1.2, §9.1.2.1).
   */
  isUsable(table: PathTable, row: number): boolean {
    const hop = this.sets.nextHop[table.accepted[row]];
    return this.sets.nextHops.metric[hop] !== UNREACHABLE || isOwnPeer(table.peer[row]);
  }

  /** Whether an accepted path may not be used only because it is not known yet whether its next hop can be reached. */
  waits(table: PathTable, row: number): boolean {
    return !this.isUsable(table, row) && this.sets.nextHops.isUnknown(this.sets.nextHop[table.accepted[row]]);
  }

  private add(row: number): void {
    if (this.count === this.candidates.length) {
      this.candidates = growColumn(this.candidates, this.count * 2);
      this.lostAt = growColumn(this.lostAt, this.count * 2);
    }
    this.candidates[this.count++] = row;
  }

  /** Of the first `left` candidates keeps those with the smallest value; returns how many. */
  private keepSmallest(step: number, left: number): number {
    let smallest = this.value(step, this.candidates[0]);
    let differ = false;
    for (let i = 1; i < left; i++) {
      const value = this.value(step, this.candidates[i]);
      if (value === smallest) continue;
      differ = true;
      if (value < smallest) smallest = value;
    }
    if (!differ) return left;
    let kept = 0;
    for (let i = 0; i < left; i++) {
      if (this.value(step, this.candidates[i]) === smallest) this.swap(kept++, i);
    }
    this.lostAt.fill(step, kept, left);
    return kept;
  }

  /** The number that a step compares; less is better. */
  private value(step: number, row: number): number {
    const set = this.table.accepted[row];
    const peer = this.table.peer[row];
    switch (step) {
      case STEP_LOCAL: // what is asked for, then what the kernel has, then what peers tell
        return Math.min(this.peers.source[peer], SOURCE_EXTERNAL);
      case STEP_LOCAL_PREF: // §9.1.1: the degree of preference
        return -degreeOfPreference(this.sets.localPref[set], this.sets.normalMetric[this.table.prefixes.family]);
      case STEP_PATH_LENGTH: // §9.1.2.2 a
        return this.sets.pathLength[set];
      case STEP_ORIGIN: // §9.1.2.2 b
        return this.sets.origin[set];
      case STEP_EXTERNAL: // §9.1.2.2 d
        return this.peers.source[peer] <= SOURCE_EXTERNAL ? 0 : 1;
      case STEP_METRIC: // §9.1.2.2 e
        return this.sets.nextHops.metric[this.sets.nextHop[set]];
      case STEP_ROUTER_ID: // §9.1.2.2 f, with ORIGINATOR_ID in its place (RFC 4456 §9)
        return this.sets.originatorId[set] || this.peers.routerId[peer];
      case STEP_CLUSTER_LIST: // RFC 4456 §9
        return this.sets.clusterListLength[set];
      case STEP_ADDRESS: // §9.1.2.2 g
        return this.peers.rank[peer];
      default: // several paths of one peer (RFC 7911)
        return this.table.pathId[row] ?? 0;
    }
  }

  /** §9.1.2.2 c. Less is better, and only paths of the same neighbouring AS compare, unless told otherwise. */
  private dropByMed(left: number): number {
    let differ = false;
    const first = this.medOf(this.candidates[0]);
    for (let i = 1; i < left && !differ; i++) differ = this.medOf(this.candidates[i]) !== first;
    if (!differ) return left;
    return this.options.deterministicMed || this.options.alwaysCompareMed
      ? this.dropByGroupMed(left)
      : this.dropByPairMed(left);
  }

  private dropByGroupMed(left: number): number {
    const lowest = new Map<number, number>();
    for (let i = 0; i < left; i++) {
      const group = this.medGroup(this.candidates[i]);
      const med = this.medOf(this.candidates[i]);
      const known = lowest.get(group);
      if (known === undefined || med < known) lowest.set(group, med);
    }
    let kept = 0;
    for (let i = 0; i < left; i++) {
      const row = this.candidates[i];
      if (this.medOf(row) === lowest.get(this.medGroup(row))) this.swap(kept++, i);
    }
    this.lostAt.fill(STEP_MED, kept, left);
    return kept;
  }

  /** One winner is carried through the paths, newest first, and compared with each by MED where the AS is the same. */
  private dropByPairMed(left: number): number {
    let winner = 0;
    for (let i = 1; i < left; i++) {
      const a = this.candidates[winner];
      const b = this.candidates[i];
      const sameAs = this.medGroup(a) === this.medGroup(b);
      if (sameAs ? this.medOf(b) < this.medOf(a) : this.beatsLater(b, a)) winner = i;
    }
    this.swap(0, winner);
    this.lostAt.fill(STEP_MED, 1, left);
    return 1;
  }

  /** Whether path `a` beats `b` in the steps after MED. */
  private beatsLater(a: number, b: number): boolean {
    for (let step = STEP_EXTERNAL; step <= STEP_PATH_ID; step++) {
      if (step === STEP_CURRENT) continue;
      const difference = this.value(step, a) - this.value(step, b);
      if (difference !== 0) return difference < 0;
    }
    return false;
  }

  private medOf(row: number): number {
    const set = this.table.accepted[row];
    if ((this.sets.present[set] & HAS_MED) !== 0) return this.sets.med[set];
    return this.options.missingMedWorst ? 0xffffffff : 0;
  }

  private medGroup(row: number): number {
    return this.options.alwaysCompareMed ? 0 : this.sets.neighbourAs[this.table.accepted[row]];
  }

  /** RFC 5004: of external paths that are equal so far, the one in use stays. */
  private keepCurrent(prefix: number, left: number): number {
    const { bestSet, bestPeer, peer, accepted } = this.table;
    if (bestSet[prefix] === 0 || this.peers.source[bestPeer[prefix]] !== SOURCE_EXTERNAL) return left;
    let current = -1;
    for (let i = 0; i < left; i++) {
      const row = this.candidates[i];
      if (peer[row] !== bestPeer[prefix]) continue;
      // Of several paths of its peer (RFC 7911) it is the one with these attributes, if they have not changed.
      if (current < 0 || accepted[row] === bestSet[prefix]) current = i;
    }
    if (current < 0) return left;
    this.swap(0, current);
    this.lostAt.fill(STEP_CURRENT, 1, left);
    return 1;
  }

  /**
   * Brings the paths that may be used together with the best one to the front. `equal` candidates tie up to the metric.
   * Where there are more than allowed, those are taken that would be best next, so that the choice is stable; and of those
   * with one next hop only the first, as each of several reflectors tells of all (RFC 7911).
   */
  private chooseMultipath(equal: number): number {
    const { multipathRelax, maxPaths } = this.options;
    const best = this.candidates[0];
    const neighbourAs = this.sets.neighbourAs[this.table.accepted[best]];
    let together = 1;
    for (let i = 1; i < equal; i++) {
      const set = this.table.accepted[this.candidates[i]];
      if (multipathRelax || this.sets.neighbourAs[set] === neighbourAs) this.swap(together++, i);
    }
    if (together <= maxPaths) return together;
    for (let place = 1; place < maxPaths; place++) {
      let next = -1;
      for (let i = place; i < together; i++) {
        const row = this.candidates[i];
        if (!this.leadsElsewhere(row, place)) continue;
        if (next < 0 || this.beatsLater(row, this.candidates[next])) next = i;
      }
      if (next < 0) return place;
      this.swap(place, next);
    }
    return Math.max(1, maxPaths);
  }

  /** Whether no candidate before `place` has the next hop of this path; a link-local one is another one with another peer. */
  private leadsElsewhere(row: number, place: number): boolean {
    const { accepted, peer } = this.table;
    const { nextHop, nextHops } = this.sets;
    const hop = nextHop[accepted[row]];
    for (let i = 0; i < place; i++) {
      const other = this.candidates[i];
      const same = nextHop[accepted[other]] === hop;
      if (same && (nextHops.linkLocal[hop] === '' || peer[other] === peer[row])) return false;
    }
    return true;
  }

  private swap(i: number, j: number): void {
    if (i === j) return;
    const row = this.candidates[i];
    this.candidates[i] = this.candidates[j];
    this.candidates[j] = row;
    const step = this.lostAt[i];
    this.lostAt[i] = this.lostAt[j];
    this.lostAt[j] = step;
  }
}
