/** What every datastore looks like to the daemon: a snapshot when it is in sync, then changes. */
import type { Change } from '../resources/cluster-view.ts';
import type { AnyResource } from '../resources/kinds.ts';

export interface Datastore {
  /** Starts reading; everything that follows is told to the listener. May be called once. */
  start(listener: DatastoreListener): void;
  /** Stops reading. After the promise is fulfilled the listener hears nothing any more. */
  stop(): Promise<void>;
  readonly status: DatastoreStatus;
}

/** `problems` always lists all problems that there are now. */
export interface DatastoreListener {
  /** All resources; called once, before any changes. */
  snapshot(resources: readonly AnyResource[], problems: readonly SourcedProblem[]): void;
  /** What is different since the last call; `changes` is empty where only the problems are. */
  changes(changes: readonly Change[], problems: readonly SourcedProblem[]): void;
  status(status: DatastoreStatus): void;
}

export interface DatastoreStatus {
  readonly type: 'file' | 'etcd' | 'kubernetes';
  /** `away`: it can't be read now; what was last known stays in force. */
  readonly state: 'syncing' | 'synced' | 'away';
  /** When it came into this state, in milliseconds since 1970. */
  readonly since: number;
  readonly revision?: string;
  /** What went wrong last, and when, in milliseconds since 1970. */
  readonly lastError?: { readonly words: string; readonly at: number };
  /** How far behind the datastore we are, in seconds, where it can be told. */
  readonly lagSeconds?: number;
}

/** A problem and the place of what causes it. */
export interface SourcedProblem {
  /** A place that editors understand, `resources/tor.yaml:12:5`; without line where the file as a whole is meant. */
  readonly source: string;
  readonly kind?: string;
  readonly name?: string;
  /** Where in the resource. */
  readonly path: readonly (string | number)[];
  /** What is wrong with which field of which resource: `BGPPeer "tor-a": spec.asNumber: is required with peerIP`. */
  readonly message: string;
  readonly severity: 'error' | 'warning';
}
