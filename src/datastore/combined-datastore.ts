/** Two datastores as one: the first has what is of the node-to-node network, the second what the first has no place for. */
import type { Change } from '../resources/cluster-view.ts';
import type { AnyResource, Kind } from '../resources/kinds.ts';
import { referencedSecrets } from '../resources/referenced-secrets.ts';
import { keyOf } from './contents.ts';
import type { Datastore, DatastoreListener, DatastoreStatus, DatastoreWriter, SourcedProblem } from './datastore.ts';
import { OwnNodeState } from './own-node-state.ts';

/** How long the first waits for the second at the start, in milliseconds: sessions are worth more than what is missing then. */
const PATIENCE = 10_000;

export interface Companion {
  readonly datastore: Datastore;
  /** Kinds that are taken from it; all where it is left out. */
  readonly kinds?: readonly Kind[];
  /** Where it knows the Node of this name: what it says of whether that is to be used completes the Node of the first. */
  readonly nodeName?: string;
  /** Called with the names of the Secrets that resources of the first refer to, at the start and whenever they change. */
  readonly wantSecrets?: (names: readonly string[]) => void;
}

/** What one of the two has said. */
interface Half {
  /** Its snapshot, until that is told. */
  waiting: readonly AnyResource[] | undefined;
  heard: boolean;
  problems: readonly SourcedProblem[];
}

export class CombinedDatastore implements Datastore {
  readonly #primary: Datastore;
  readonly #companion: Companion;
  readonly #first: Half = { waiting: undefined, heard: false, problems: [] };
  readonly #second: Half = { waiting: undefined, heard: false, problems: [] };
  /** The Secrets that a resource refers to, by its key. */
  readonly #references = new Map<string, readonly string[]>();
  readonly #ownNode: OwnNodeState | undefined;
  #wanted: string | undefined;
  #listener: DatastoreListener | undefined;
  #told = false;
  #patience: NodeJS.Timeout | undefined;

  readonly #longestWait: number;

  /** `patience` as {@link PATIENCE}. */
  constructor(primary: Datastore, companion: Companion, patience = PATIENCE) {
    this.#primary = primary;
    this.#companion = companion;
    this.#ownNode = companion.nodeName === undefined ? undefined : new OwnNodeState(companion.nodeName);
    this.#longestWait = patience;
  }

  get writer(): DatastoreWriter | undefined {
    const { writer } = this.#primary;
    const { writer: other } = this.#companion.datastore;
    if (writer === undefined) return undefined;
    return {
      patchNode: (name, patch) => writer.patchNode(name, patch),
      writeNodeStatus: (name, status) => writer.writeNodeStatus(name, status),
      // Each tells only what is about its own objects.
      report: async (problem) => {
        await (this.#second.problems.includes(problem) ? other : writer)?.report?.(problem);
      },
    };
  }

  get status(): DatastoreStatus {
    const { status } = this.#primary;
    const { status: other } = this.#companion.datastore;
    const worse = RANK[other.state] > RANK[status.state] ? other : status;
    const errors = [status.lastError, other.lastError].filter((error) => error !== undefined);
    const lastError = worse.lastError ?? errors.toSorted((a, b) => b.at - a.at).at(0);
    const { cache = other.cache } = status;
    const { lastError: _, ...rest } = status;
    return {
      ...rest,
      state: worse.state,
      since: worse.since,
      ...(lastError !== undefined && { lastError }),
      ...(cache !== undefined && { cache }),
      sources: [...status.sources, ...other.sources],
    };
  }

  start(listener: DatastoreListener): void {
    this.#listener = listener;
    const status = (): void => listener.status(this.status);
    this.#primary.start({
      // Not of the second, which may not be waited for: it would be heard of bit by bit when the rest is in force.
      ...(listener.early && { early: (changes) => this.#listener?.early?.(changes) }),
      snapshot: (resources, problems) => {
        if (this.#companion.wantSecrets !== undefined) {
          this.#refer(resources.map((resource) => ({ type: 'upsert', resource })));
        }
        this.#snapshot(this.#first, resources, problems);
      },
      changes: (changes, problems) => {
        if (this.#companion.wantSecrets !== undefined) this.#refer(changes);
        this.#changes(this.#first, changes, problems);
      },
      status,
    });
    this.#companion.datastore.start({
      snapshot: (resources, problems) => {
        const changes = this.#taken(resources.map((resource) => ({ type: 'upsert', resource })));
        this.#snapshot(
          this.#second,
          changes.flatMap((change) => (change.type === 'upsert' ? [change.resource] : [])),
          problems,
        );
      },
      changes: (changes, problems) => this.#changes(this.#second, this.#taken(changes), problems),
      status,
    });
  }

  async stop(): Promise<void> {
    clearTimeout(this.#patience);
    this.#listener = undefined;
    await Promise.all([this.#primary.stop(), this.#companion.datastore.stop()]);
  }

  /** What is taken of what the companion says. */
  #taken(changes: readonly Change[]): readonly Change[] {
    const { kinds } = this.#companion;
    const taken =
      kinds === undefined
        ? changes
        : changes.filter((change) => kinds.includes(change.type === 'delete' ? change.kind : change.resource.kind));
    return this.#ownNode?.absorb(taken) ?? taken;
  }

  #snapshot(half: Half, resources: readonly AnyResource[], problems: readonly SourcedProblem[]): void {
    half.heard = true;
    half.problems = problems;
    half.waiting = resources;
    if (this.#told) {
      half.waiting = undefined;
      const changes = resources.map((resource): Change => ({ type: 'upsert', resource }));
      this.#tellChanges(changes);
    } else if (this.#first.heard && this.#second.heard) this.#tell();
    else if (half === this.#first) this.#patience = setTimeout(() => this.#tell(), this.#longestWait);
  }

  #tell(): void {
    clearTimeout(this.#patience);
    this.#told = true;
    const resources = [...(this.#first.waiting ?? []), ...(this.#second.waiting ?? [])];
    this.#first.waiting = undefined;
    this.#second.waiting = undefined;
    this.#listener?.snapshot(
      resources.map((resource) => this.#ownNode?.completed(resource) ?? resource),
      this.#problems,
    );
  }

  #changes(half: Half, changes: readonly Change[], problems: readonly SourcedProblem[]): void {
    half.problems = problems;
    if (this.#told) this.#tellChanges(changes);
    else if (half.waiting !== undefined) {
      half.waiting = changed(half.waiting, changes);
      // Of what was told early something may be gone by now.
      this.#listener?.early?.(changes.filter(({ type }) => type === 'delete'));
    }
  }

  #tellChanges(changes: readonly Change[]): void {
    this.#listener?.changes(this.#ownNode?.completedChanges(changes) ?? changes, this.#problems);
  }

  get #problems(): readonly SourcedProblem[] {
    return [...this.#first.problems, ...this.#second.problems];
  }

  /** Follows which Secrets are referred to. */
  #refer(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.type === 'delete') this.#references.delete(keyOf({ kind: change.kind, metadata: change }));
      else {
        const names = referencedSecrets(change.resource);
        if (names.length > 0) this.#references.set(keyOf(change.resource), names);
        else this.#references.delete(keyOf(change.resource));
      }
    }
    const names = [...new Set([...this.#references.values()].flat())].sort();
    if (names.join() === this.#wanted) return;
    this.#wanted = names.join();
    this.#companion.wantSecrets?.(names);
  }
}

const RANK: Readonly<Record<DatastoreStatus['state'], number>> = { synced: 0, syncing: 1, away: 2 };

function changed(resources: readonly AnyResource[], changes: readonly Change[]): readonly AnyResource[] {
  const byKey = new Map(resources.map((resource) => [keyOf(resource), resource]));
  for (const change of changes) {
    if (change.type === 'upsert') byKey.set(keyOf(change.resource), change.resource);
    else byKey.delete(keyOf({ kind: change.kind, metadata: change }));
  }
  return [...byKey.values()];
}
