/** Listens to a datastore and remembers what it was told. */
import type { DatastoreListener, DatastoreStatus, SourcedProblem } from '../../src/datastore/datastore.ts';
import { EMPTY_VIEW, applyChanges, clusterView } from '../../src/resources/cluster-view.ts';
import type { ClusterView } from '../../src/resources/cluster-view.ts';

export class DatastoreRecorder implements DatastoreListener {
  view: ClusterView = EMPTY_VIEW;
  problems: readonly SourcedProblem[] = [];
  snapshots = 0;
  /** What changed since the snapshot: `BGPPeer tor-a`, and `-BGPPeer tor-a` for what is gone. */
  readonly changed: string[] = [];
  readonly statuses: DatastoreStatus[] = [];

  snapshot(...[resources, problems]: Parameters<DatastoreListener['snapshot']>): void {
    this.snapshots += 1;
    this.view = clusterView(resources);
    this.problems = problems;
  }

  changes(...[changes, problems]: Parameters<DatastoreListener['changes']>): void {
    this.view = applyChanges(this.view, changes);
    this.problems = problems;
    for (const change of changes) {
      if (change.type === 'delete') this.changed.push(`-${change.kind} ${change.name}`);
      else this.changed.push(`${change.resource.kind} ${change.resource.metadata.name}`);
    }
  }

  status(status: DatastoreStatus): void {
    this.statuses.push(status);
  }

  /** Peers as `name AS`. */
  get peers(): string[] {
    return this.view.list('BGPPeer').map(({ metadata, spec }) => `${metadata.name} ${spec.asNumber}`);
  }
}
