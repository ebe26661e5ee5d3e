/** What every datastore looks like to the daemon: a snapshot when it is in sync, then changes. */
import type { Change } from '../resources/cluster-view.ts';
import type { AnyResource, Kind } from '../resources/kinds.ts';
import type { CalicoNodeStatus } from '../resources/kinds/calico-node-status.ts';

export interface Datastore {
  /** Starts reading; everything that follows is told to the listener. May be called once. */
  start(listener: DatastoreListener): void;
  /** Stops reading. After the promise is fulfilled the listener hears nothing any more. */
  stop(): Promise<void>;
  readonly status: DatastoreStatus;
  /** Undefined where nothing can be written. */
  readonly writer: DatastoreWriter | undefined;
}

/** `problems` always lists all problems that there are now. */
export interface DatastoreListener {
  /**
   * Resources of kinds with very many objects, bit by bit before the snapshot, which is without them then: whoever hears this need not have
   * all of them in memory at once. Nothing of it may be acted on before the snapshot. Where it is left out, the snapshot has them.
   */
  readonly early?: (changes: readonly Change[]) => void;
  /** All resources; called once, before any changes. The list is the listener's own, who may empty it to let go of them one by one. */
  snapshot(resources: AnyResource[], problems: readonly SourcedProblem[]): void;
  /** What is different since the last call; `changes` is empty where only the problems are. */
  changes(changes: readonly Change[], problems: readonly SourcedProblem[]): void;
  status(status: DatastoreStatus): void;
}

/** `away`: it can't be read now; what was last known stays in force. */
export type SourceState = 'syncing' | 'synced' | 'away';

/** One of the streams that a datastore reads: a directory, a prefix of etcd's keys, a resource of the Kubernetes API. */
export interface SourceStatus {
  /** As the datastore calls it: `BGPPeer`, `/calico/resources/v3/projectcalico.org/bgppeers/`, `/etc/starling/resources`. */
  readonly name: string;
  readonly state: SourceState;
  /** When it came into this state, in milliseconds since 1970. */
  readonly since: number;
  /** Since when the connection holds that changes come over, in milliseconds since 1970. */
  readonly connectedSince?: number;
  /** How often the connection was set up again. */
  readonly reconnects?: number;
  /** What the datastore calls the state that was last seen. */
  readonly revision?: string;
  /** What went wrong last, and when, in milliseconds since 1970. */
  readonly lastError?: { readonly words: string; readonly at: number };
  /** How far behind the datastore we are, in seconds, where it can be told. */
  readonly lagSeconds?: number;
  /** Set until it was read once. A snapshot may be told without: it then says nothing of these. */
  readonly unread?: Unread;
}

/** Which objects a source has: all of a kind, or the one of this name. */
export interface Unread {
  readonly kind: Kind;
  readonly namespace?: string;
  readonly name?: string;
}

/** The datastore as a whole: `away` when one of its sources is. */
export interface DatastoreStatus {
  readonly type: 'file' | 'etcd' | 'kubernetes';
  readonly state: SourceState;
  /** When it came into this state, in milliseconds since 1970. */
  readonly since: number;
  readonly revision?: string;
  /** What went wrong last, and when, in milliseconds since 1970. */
  readonly lastError?: { readonly words: string; readonly at: number };
  /** How far behind the datastore we are, in seconds, where it can be told. */
  readonly lagSeconds?: number;
  readonly sources: readonly SourceStatus[];
  /** Set while what is in force is the last known state on disk: when it was written, since when it counts; as `since`. */
  readonly cache?: { readonly writtenAt: number; readonly since: number };
}

/** What is to be different of a Node. A field that is absent stays as it is. */
export interface NodePatch {
  /** With prefix length; null removes it. */
  readonly ipv4Address?: string | null;
  readonly ipv6Address?: string | null;
  readonly asNumber?: number;
}

/** What a node writes to the datastore. All of it rejects with `DatastoreError`. */
export interface DatastoreWriter {
  /** Changes the Node of this name: in etcd the object, which is made where it is missing; in Kubernetes its annotations. */
  patchNode(name: string, patch: NodePatch): Promise<void>;
  /** Replaces the status of the CalicoNodeStatus of this name. */
  writeNodeStatus(name: string, status: NonNullable<CalicoNodeStatus['status']>): Promise<void>;
  /** Tells a problem where people look at the object. All nodes tell the same problem as one. */
  report?(problem: SourcedProblem): Promise<void>;
}

/** A problem and the place of what causes it. */
export interface SourcedProblem {
  /** A place that editors understand, `resources/tor.yaml:12:5`; without line where the file as a whole is meant. */
  readonly source: string;
  readonly kind?: string;
  readonly namespace?: string;
  readonly name?: string;
  /** Where in the resource. */
  readonly path: readonly (string | number)[];
  /** What is wrong with which field of which resource: `BGPPeer "tor-a": spec.asNumber: is required with peerIP`. */
  readonly message: string;
  readonly severity: 'error' | 'warning';
}
