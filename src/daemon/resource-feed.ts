/**
 * Resources as the datastore tells them, taken in batches: a first change at once, those that follow it closely together. Services
 * and EndpointSlices, of which there are thousands that change all the time, wait for nobody and are part of no view.
 */
import type { DaemonCounters } from '../api/daemon-view.ts';
import { keyOf } from '../datastore/contents.ts';
import type { DatastoreListener, SourcedProblem } from '../datastore/datastore.ts';
import { EMPTY_VIEW, applyChanges, clusterView } from '../resources/cluster-view.ts';
import type { Change, ClusterView } from '../resources/cluster-view.ts';
import { problemWords } from '../process/problem-reports.ts';
import type { AnyResource, Kind } from '../resources/kinds.ts';

/** Least time between the beginnings of two batches, in milliseconds. */
const INTERVAL = 100;

/** Kinds that are passed on as they come. */
const SERVICE_KINDS: ReadonlySet<Kind> = new Set<Kind>(['Service', 'EndpointSlice']);

/** Hears of Services and EndpointSlices, and of nothing else. */
export interface ServiceListener {
  /** All there are. */
  snapshot(resources: readonly AnyResource[]): void;
  changes(changes: readonly Change[]): void;
}

export interface ResourceFeedHandler {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly services: ServiceListener;
  /** Called before the first resources are taken. */
  readonly first: () => void;
  /** There is another view. What changes until this is done makes the next batch. */
  readonly taken: (view: ClusterView) => Promise<void>;
  /** Called with a problem that was not there before. */
  readonly troubled: (problem: SourcedProblem) => void;
}

export class ResourceFeed implements Omit<DatastoreListener, 'status'> {
  /** Without what waits for the next batch. */
  view: ClusterView = EMPTY_VIEW;
  /** All that there are now. */
  problems: readonly SourcedProblem[] = [];
  /** Resources that came, changed or went. */
  count = 0;
  /** When there was one last, in milliseconds since 1970. */
  lastChange: number | undefined;
  /** Whether there was a snapshot. */
  heard = false;

  private readonly handler: ResourceFeedHandler;
  /** Services and EndpointSlices by kind, namespace and name. */
  private readonly services = new Map<string, AnyResource>();
  private pending: Change[] = [];
  private timer: NodeJS.Timeout | undefined;
  private busy = false;
  private due = false;
  private startedAt = -Infinity;
  private stopped = false;

  constructor(handler: ResourceFeedHandler) {
    this.handler = handler;
  }

  snapshot(resources: readonly AnyResource[], problems: readonly SourcedProblem[]): void {
    const isService = ({ kind }: AnyResource): boolean => SERVICE_KINDS.has(kind);
    const services = resources.filter(isService);
    this.heard = true;
    this.handler.first();
    this.view = clusterView(resources.filter((resource) => !isService(resource)));
    this.services.clear();
    for (const resource of services) this.services.set(keyOf(resource), resource);
    this.count += resources.length;
    this.lastChange = this.handler.now();
    this.setProblems(problems);
    this.handler.services.snapshot(services);
    this.schedule();
  }

  changes(changes: readonly Change[], problems: readonly SourcedProblem[]): void {
    this.count += changes.length;
    this.setProblems(problems);
    if (changes.length === 0) return;
    this.lastChange = this.handler.now();
    const services: Change[] = [];
    for (const change of changes) {
      const isService = SERVICE_KINDS.has(change.type === 'upsert' ? change.resource.kind : change.kind);
      (isService ? services : this.pending).push(change);
    }
    if (services.length > 0) this.passOn(services);
    if (this.pending.length > 0) this.schedule();
  }

  /** The view with all that is known but Services and EndpointSlices. */
  get latest(): ClusterView {
    return applyChanges(this.view, this.pending);
  }

  /** The view with all that is known, which costs as much as there are services. */
  get complete(): ClusterView {
    const services = Array.from(this.services.values(), (resource) => ({ type: 'upsert', resource }) as const);
    return applyChanges(this.latest, services);
  }

  /** How many resources there are, by kind. */
  get counts(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const [kind, { size }] of this.view.tables) counts[kind] = size;
    for (const { kind } of this.services.values()) counts[kind] = (counts[kind] ?? 0) + 1;
    return counts;
  }

  /** For metrics. */
  get counters(): Omit<DaemonCounters['datastore'], 'errors'> {
    const invalid = this.problems.filter(({ severity }) => severity === 'error').length;
    return { changes: this.count, lastChange: this.lastChange, resources: this.counts, invalid };
  }

  /** Takes no more batches. */
  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private passOn(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.type === 'upsert') this.services.set(keyOf(change.resource), change.resource);
      else this.services.delete(keyOf({ kind: change.kind, metadata: change }));
    }
    this.handler.services.changes(changes);
  }

  private setProblems(problems: readonly SourcedProblem[]): void {
    if (problems === this.problems) return;
    const before = new Set(this.problems.map(problemWords));
    this.problems = problems;
    for (const problem of problems) if (!before.has(problemWords(problem))) this.handler.troubled(problem);
  }

  private schedule(): void {
    this.due = true;
    if (this.busy || this.timer !== undefined || this.stopped) return;
    const wait = this.startedAt + INTERVAL - performance.now();
    if (wait <= 0) void this.take();
    else this.timer = setTimeout(() => void this.take(), wait);
  }

  private async take(): Promise<void> {
    this.timer = undefined;
    this.busy = true;
    this.due = false;
    this.startedAt = performance.now();
    this.view = applyChanges(this.view, this.pending);
    this.pending = [];
    await this.handler.taken(this.view);
    this.busy = false;
    if (this.due) this.schedule();
  }
}
