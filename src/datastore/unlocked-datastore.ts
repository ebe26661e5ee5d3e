/**
 * A datastore as long as it is not locked. Calico's is while it is migrated (ClusterInformation `datastoreReady: false`): what it
 * holds then is half of the old and half of the new, and nothing of it may be acted on. Nor may policies that were there be taken for
 * deleted with all the rest.
 */
import type { Change } from '../resources/cluster-view.ts';
import type { AnyResource, Kind } from '../resources/kinds.ts';
import { keyOf } from './contents.ts';
import type { Datastore, DatastoreListener, DatastoreStatus, DatastoreWriter, SourcedProblem } from './datastore.ts';

const LOCKED =
  'it is locked for a migration: ClusterInformation "default" says datastoreReady: false; nothing of it counts until that is true';

const WIPED =
  'it was wiped: ClusterInformation "default" is gone; nothing of it counts until there is one again, or a new start';

/** Kinds without which more may pass than with them. */
const CLOSING: ReadonlySet<Kind> = new Set([
  'NetworkPolicy',
  'GlobalNetworkPolicy',
  'KubernetesNetworkPolicy',
  'Tier',
  'Profile',
  'HostEndpoint',
  'FelixConfiguration',
]);

/** How long after one of these goes the rest may take to follow, in milliseconds: each kind is told on its own. */
const SETTLE_TIME = 100;

export interface UnlockedDatastoreOptions {
  /** Whether it counts as locked when it was wiped: its ClusterInformation, which nobody deletes alone, was there and is gone. */
  readonly unlessWiped?: boolean;
}

/** Passes on what another datastore says; while that is locked it is `away`, and what comes of it is told when it is not any more. */
export class UnlockedDatastore implements Datastore {
  readonly #inner: Datastore;
  #listener: DatastoreListener | undefined;
  readonly #unlessWiped: boolean;
  /** Since when it is locked, in milliseconds since 1970, and why. */
  #lockedAt: number | undefined;
  #why = LOCKED;
  /** Set while what went may be the beginning of a wipe. */
  #settling: NodeJS.Timeout | undefined;
  /** What came while it was locked, the last of each resource. */
  readonly #waiting = new Map<string, Change>();
  #problems: readonly SourcedProblem[] = [];
  #told = false;

  constructor(inner: Datastore, { unlessWiped = false }: UnlockedDatastoreOptions = {}) {
    this.#inner = inner;
    this.#unlessWiped = unlessWiped;
  }

  get writer(): DatastoreWriter | undefined {
    return this.#inner.writer;
  }

  get status(): DatastoreStatus {
    const { status } = this.#inner;
    if (this.#lockedAt === undefined || status.state === 'away') return status;
    return { ...status, state: 'away', since: this.#lockedAt, lastError: { words: this.#why, at: this.#lockedAt } };
  }

  start(listener: DatastoreListener): void {
    this.#listener = listener;
    this.#inner.start({
      ...(listener.early && { early: (changes) => this.#listener?.early?.(changes) }),
      snapshot: (resources, problems) => {
        for (const resource of resources) this.#look(resource);
        if (this.#lockedAt === undefined) {
          this.#told = true;
          this.#problems = problems;
          this.#listener?.snapshot(resources, problems);
          return;
        }
        this.#take(
          resources.map((resource) => ({ type: 'upsert', resource })),
          problems,
        );
      },
      changes: (changes, problems) => this.#take(changes, problems),
      status: () => this.#listener?.status(this.status),
    });
  }

  stop(): Promise<void> {
    this.#listener = undefined;
    clearTimeout(this.#settling);
    return this.#inner.stop();
  }

  #take(changes: readonly Change[], problems: readonly SourcedProblem[]): void {
    this.#problems = problems;
    const wasLocked = this.#lockedAt !== undefined;
    const waited = wasLocked || this.#settling !== undefined || !this.#told;
    for (const change of changes) {
      if (change.type === 'upsert') this.#look(change.resource);
      else if (this.#unlessWiped) this.#lookAtGone(change);
    }
    const isLocked = this.#lockedAt !== undefined;
    const waits = isLocked || this.#settling !== undefined;
    if (waits || waited) for (const change of changes) this.#waiting.set(keyOfChange(change), change);
    if (!waits) this.#tell(waited ? [...this.#waiting.values()] : changes);
    if (isLocked !== wasLocked) this.#listener?.status(this.status);
  }

  /** Only who locked it unlocks it: that the ClusterInformation is gone belongs to what a migration does. */
  #look({ kind, metadata, spec }: AnyResource): void {
    if (kind !== 'ClusterInformation' || metadata.name !== 'default') return;
    if (spec.datastoreReady === false) this.#lock(LOCKED);
    else this.#lockedAt = undefined;
  }

  #lookAtGone({ kind, name }: Extract<Change, { type: 'delete' }>): void {
    if (kind === 'ClusterInformation' && name === 'default' && this.#lockedAt === undefined) this.#lock(WIPED);
    if (CLOSING.has(kind)) this.#settling ??= setTimeout(() => this.#settled(), SETTLE_TIME);
  }

  #settled(): void {
    this.#settling = undefined;
    if (this.#lockedAt === undefined) this.#tell([...this.#waiting.values()]);
  }

  #lock(why: string): void {
    this.#lockedAt ??= Date.now();
    this.#why = why;
  }

  #tell(changes: readonly Change[]): void {
    this.#waiting.clear();
    if (this.#told) {
      this.#listener?.changes(changes, this.#problems);
      return;
    }
    this.#told = true;
    // Of what was told early something may be gone by now.
    this.#listener?.early?.(changes.filter(({ type }) => type === 'delete'));
    const resources = changes.flatMap((change) => (change.type === 'upsert' ? [change.resource] : []));
    this.#listener?.snapshot(resources, this.#problems);
  }
}

function keyOfChange(change: Change): string {
  return change.type === 'upsert' ? keyOf(change.resource) : keyOf({ kind: change.kind, metadata: change });
}
