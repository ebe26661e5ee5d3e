/**
 * Stands between the datastore and everything that is derived from the blocks and pools of pods. Most of them deleted at once look
 * like a datastore that lost its contents; such deletions are held for a moment in which they can come back, and all else
 * passes at once. What is held is the resource, so that routes, filters and the kernel go on from the same state. Time comes in
 * as a value, in milliseconds of any clock.
 */
import { parsePrefix, prefixContains } from '../net/prefix.ts';
import type { Change } from '../resources/cluster-view.ts';
import type { AnyResource, ResourceOf } from '../resources/kinds.ts';
import { isConfirmedBlock } from '../resources/kinds/block-affinity.ts';
import type { BlockAffinity } from '../resources/kinds/block-affinity.ts';
import { WINDOW } from './withdrawal-gate.ts';

/** What a deletion is held of: a BlockAffinity that gives this node a block, or any IPPool. */
type GuardedResource = BlockAffinity | ResourceOf<'IPPool'>;

export interface DeletionLimits {
  /** Else nothing is held. */
  readonly enabled: boolean;
  /** Greatest share of the node's blocks, and of the pools, that may go. */
  readonly maxWithdrawPercent: number;
  /** Seconds for which deletions are held. */
  readonly holdTime: number;
}

/** How many of how many are deleted, with those that were not long before. Nothing where an event deletes none. */
interface Share {
  readonly count: number;
  readonly of: number;
}

/**
 * What happened to deletions that are held: `held` from now on; `returned`, the resources came back; `replaced`, others stand for
 * the same addresses; `done`, their time is over.
 */
export interface DeletionNews {
  readonly kind: 'held' | 'returned' | 'replaced' | 'done';
  readonly count: number;
  /** One of them. */
  readonly example: GuardedResource;
  /** Why; only with `held`. */
  readonly shares?: { readonly blocks: Share; readonly pools: Share };
}

export interface DeletionStep {
  /** What is to be taken now. */
  readonly changes: readonly Change[];
  readonly news: readonly DeletionNews[];
}

/** A resource that was deleted not long ago. */
interface Gone {
  readonly resource: GuardedResource;
  readonly until: number;
  /** Whether it stays until then. If not, its deletion was taken, and counts with others until then. */
  readonly held: boolean;
}

export class DeletionGate {
  private readonly node: string;
  /** As the datastore has them, by key. */
  private readonly present = new Map<string, GuardedResource>();
  private readonly gone = new Map<string, Gone>();

  /** `node` is the name of this node. */
  constructor(node: string) {
    this.node = node;
  }

  /** When to call {@link due}; undefined while nothing is held. */
  get next(): number | undefined {
    const times = this.held.map(({ until }) => until);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Deleted, and held. */
  get held(): readonly Gone[] {
    return [...this.gone.values()].filter(({ held }) => held);
  }

  /**
   * Takes the changes of one event. `affinities` gives those of the whole cluster as they are after it; what is held may be
   * among them. It is asked only where something is to be held.
   */
  take(
    changes: readonly Change[],
    limits: DeletionLimits,
    affinities: () => Iterable<BlockAffinity>,
    now: number,
  ): DeletionStep {
    if (!changes.some(concerns)) return { changes, news: [] };
    for (const [key, { held, until }] of this.gone) if (!held && until <= now) this.gone.delete(key);
    const before = new Map(this.present);
    const { deleted, returned } = this.note(changes);
    const replaced = this.letGoReplaced(changes);
    const known = [...deleted].flatMap((key) => before.get(key) ?? []);
    const { restored, news } = this.judge(known, before, limits, affinities, now);
    const isHeld = (change: Change): boolean => change.type === 'delete' && this.gone.get(keyOf(change))?.held === true;
    const taken = this.held.length > 0 ? changes.filter((change) => !isHeld(change)) : changes;
    return {
      changes: [
        ...taken,
        ...replaced.map(deletion),
        ...restored.map((resource) => ({ type: 'upsert', resource }) as const),
      ],
      news: [...newsOf('returned', returned), ...newsOf('replaced', replaced), ...news],
    };
  }

  /** Time has passed: what was held long enough goes. */
  due(now: number): DeletionStep {
    return this.letGo('done', ({ until }) => until <= now);
  }

  /** What is held goes at once. */
  release(): DeletionStep {
    return this.letGo('done', () => true);
  }

  private letGo(kind: DeletionNews['kind'], goes: (gone: Gone) => boolean): DeletionStep {
    const going: GuardedResource[] = [];
    for (const [key, gone] of this.gone) {
      if (!gone.held || !goes(gone)) continue;
      this.gone.delete(key);
      going.push(gone.resource);
    }
    return { changes: going.map(deletion), news: newsOf(kind, going) };
  }

  /** Brings what is present up to date. Returns the keys of what was there and is deleted, and what was held and is there again. */
  private note(changes: readonly Change[]): { deleted: ReadonlySet<string>; returned: readonly GuardedResource[] } {
    const deleted = new Set<string>();
    const returned: GuardedResource[] = [];
    for (const change of changes) {
      if (!concerns(change)) continue;
      const key = keyOf(change);
      if (change.type === 'delete') {
        if (this.present.delete(key)) deleted.add(key);
        continue;
      }
      deleted.delete(key);
      const gone = this.gone.get(key);
      if (gone?.held === true) returned.push(gone.resource);
      this.gone.delete(key);
      if (this.isGuarded(change.resource)) this.present.set(key, change.resource);
      else this.present.delete(key);
    }
    return { deleted, returned };
  }

  /** Holds what was deleted where it is too much, with what went just before, which comes back by this; or notes it. */
  private judge(
    known: readonly GuardedResource[],
    before: ReadonlyMap<string, GuardedResource>,
    { enabled, maxWithdrawPercent, holdTime }: DeletionLimits,
    affinities: () => Iterable<BlockAffinity>,
    now: number,
  ): { readonly restored: readonly GuardedResource[]; readonly news: readonly DeletionNews[] } {
    if (!enabled || holdTime === 0 || known.length === 0) return { restored: [], news: [] };
    const recent = [...this.gone.values()].flatMap(({ held, resource }) => (held ? [] : resource));
    const stands = this.standIns([...known, ...recent], affinities);
    const lost = known.filter((resource) => !stands(resource));
    const lately = recent.filter((resource) => !stands(resource));
    const earlier = [...lately, ...this.held.map(({ resource }) => resource)];
    const shareOf = (counts: (resource: GuardedResource) => boolean): Share => {
      const those = lost.filter(counts).length;
      const others = earlier.filter(counts).length;
      return { count: those === 0 ? 0 : those + others, of: [...before.values()].filter(counts).length + others };
    };
    const shares = {
      blocks: shareOf((resource) => resource.kind === 'BlockAffinity'),
      // What a pool with disableBGPExport covers is told to more peers when it goes, not to fewer.
      pools: shareOf((resource) => resource.kind === 'IPPool' && !resource.spec.disableBGPExport),
    };
    const held = [shares.blocks, shares.pools].some(({ count, of }) => count * 100 > maxWithdrawPercent * of);
    const restored = held ? lately : [];
    const until = now + (held ? holdTime * 1000 : WINDOW);
    const going = [...lost, ...restored];
    for (const resource of going) this.gone.set(keyOf({ type: 'upsert', resource }), { resource, until, held });
    return { restored, news: held ? newsOf('held', going).map((news) => ({ ...news, shares })) : [] };
  }

  /** Lets go of what is held where one of the changes brings something that stands for the same addresses. */
  private letGoReplaced(changes: readonly Change[]): readonly GuardedResource[] {
    const held = this.held.map(({ resource }) => resource);
    if (held.length === 0) return [];
    const upserts = changes.flatMap((change) => (change.type === 'upsert' ? change.resource : []));
    const stands = this.standIns(held, () => upserts.filter((resource) => resource.kind === 'BlockAffinity'));
    const replaced = held.filter(stands);
    for (const resource of replaced) this.gone.delete(keyOf({ type: 'upsert', resource }));
    return replaced;
  }

  /**
   * Tells of each of the resources, none of which is in the datastore, whether another stands for the same addresses: a confirmed
   * affinity for the block, whose node announces it, or a pool around or inside of the pool, which says what it means from now on.
   */
  private standIns(
    resources: readonly GuardedResource[],
    affinities: () => Iterable<BlockAffinity>,
  ): (resource: GuardedResource) => boolean {
    const absent = new Set(resources.map((resource) => keyOf({ type: 'upsert', resource })));
    const taken = new Set<string>();
    if (resources.some(({ kind }) => kind === 'BlockAffinity')) {
      for (const resource of affinities()) {
        const key = keyOf({ type: 'upsert', resource });
        if (isConfirmedBlock(resource) && !absent.has(key) && !this.gone.has(key)) taken.add(resource.spec.cidr);
      }
    }
    const pools = [...this.present.values()].filter(({ kind }) => kind === 'IPPool');
    const ranges = pools.map(({ spec }) => parsePrefix(spec.cidr));
    return ({ kind, spec: { cidr } }) => {
      if (kind === 'BlockAffinity') return taken.has(cidr);
      const range = parsePrefix(cidr);
      return ranges.some((other) => prefixContains(other, range) || prefixContains(range, other));
    };
  }

  private isGuarded(resource: AnyResource): resource is GuardedResource {
    if (resource.kind === 'IPPool') return true;
    return resource.kind === 'BlockAffinity' && resource.spec.node === this.node && isConfirmedBlock(resource);
  }
}

function concerns(change: Change): boolean {
  const kind = change.type === 'upsert' ? change.resource.kind : change.kind;
  return kind === 'BlockAffinity' || kind === 'IPPool';
}

/** Both kinds have no namespace. */
function keyOf(change: Change): string {
  const { kind, name } = change.type === 'upsert' ? { ...change.resource, ...change.resource.metadata } : change;
  return `${kind} ${name}`;
}

function deletion({ kind, metadata: { name } }: GuardedResource): Change {
  return { type: 'delete', kind, name };
}

function newsOf(kind: DeletionNews['kind'], resources: readonly GuardedResource[]): DeletionNews[] {
  return resources.length === 0 ? [] : [{ kind, count: resources.length, example: resources[0] }];
}
