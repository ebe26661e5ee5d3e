/**
 * A datastore as long as it is not locked. Calico's is while it is migrated (ClusterInformation `datastoreReady: false`): what it
 * holds then is half of the old and half of the new, and nothing of it may be acted on.
 */
import type { Change } from '../resources/cluster-view.ts';
import type { AnyResource } from '../resources/kinds.ts';
import { keyOf } from './contents.ts';
import type { Datastore, DatastoreListener, DatastoreStatus, DatastoreWriter, SourcedProblem } from './datastore.ts';

const LOCKED =
  'it is locked for a migration: ClusterInformation "default" says datastoreReady: false; nothing of it counts until that is true';

/** Passes on what another datastore says; while that is locked it is `away`, and what comes of it is told when it is not any more. */
export class UnlockedDatastore implements Datastore {
  readonly #inner: Datastore;
  #listener: DatastoreListener | undefined;
  /** Since when it is locked, in milliseconds since 1970. */
  #lockedAt: number | undefined;
  /** What came while it was locked, the last of each resource. */
  readonly #waiting = new Map<string, Change>();
  #problems: readonly SourcedProblem[] = [];
  #told = false;

  constructor(inner: Datastore) {
    this.#inner = inner;
  }

  get writer(): DatastoreWriter | undefined {
    return this.#inner.writer;
  }

  get status(): DatastoreStatus {
    const { status } = this.#inner;
    if (this.#lockedAt === undefined || status.state === 'away') return status;
    return { ...status, state: 'away', since: this.#lockedAt, lastError: { words: LOCKED, at: this.#lockedAt } };
  }

  start(listener: DatastoreListener): void {
    this.#listener = listener;
    this.#inner.start({
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
    return this.#inner.stop();
  }

  #take(changes: readonly Change[], problems: readonly SourcedProblem[]): void {
    this.#problems = problems;
    const wasLocked = this.#lockedAt !== undefined;
    for (const change of changes) {
      if (change.type === 'upsert') this.#look(change.resource);
    }
    const isLocked = this.#lockedAt !== undefined;
    if (isLocked || wasLocked || !this.#told) {
      for (const change of changes) this.#waiting.set(keyOfChange(change), change);
    }
    if (!isLocked) this.#tell(wasLocked || !this.#told ? [...this.#waiting.values()] : changes);
    if (isLocked !== wasLocked) this.#listener?.status(this.status);
  }

  /** Only who locked it unlocks it: that the ClusterInformation is gone belongs to what a migration does. */
  #look({ kind, metadata, spec }: AnyResource): void {
    if (kind !== 'ClusterInformation' || metadata.name !== 'default') return;
    if (spec.datastoreReady === false) this.#lockedAt ??= Date.now();
    else this.#lockedAt = undefined;
  }

  #tell(changes: readonly Change[]): void {
    this.#waiting.clear();
    if (this.#told) {
      this.#listener?.changes(changes, this.#problems);
      return;
    }
    this.#told = true;
    const resources = changes.flatMap((change) => (change.type === 'upsert' ? [change.resource] : []));
    this.#listener?.snapshot(resources, this.#problems);
  }
}

function keyOfChange(change: Change): string {
  return change.type === 'upsert' ? keyOf(change.resource) : keyOf({ kind: change.kind, metadata: change });
}
