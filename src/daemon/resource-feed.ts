/** Resources as the datastore tells them, taken in batches: a first change at once, those that follow it closely together. */
import type { DatastoreListener, SourcedProblem } from '../datastore/datastore.ts';
import { EMPTY_VIEW, applyChanges, clusterView } from '../resources/cluster-view.ts';
import type { Change, ClusterView } from '../resources/cluster-view.ts';
import type { AnyResource } from '../resources/kinds.ts';

/** Least time between the beginnings of two batches, in milliseconds. */
const INTERVAL = 100;

export interface ResourceFeedHandler {
  /** Milliseconds since 1970. */
  readonly now: () => number;
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
    this.heard = true;
    this.handler.first();
    this.view = clusterView(resources);
    this.count += resources.length;
    this.lastChange = this.handler.now();
    this.setProblems(problems);
    this.schedule();
  }

  changes(changes: readonly Change[], problems: readonly SourcedProblem[]): void {
    this.count += changes.length;
    this.setProblems(problems);
    if (changes.length === 0) return;
    this.lastChange = this.handler.now();
    for (const change of changes) this.pending.push(change);
    this.schedule();
  }

  /** The view with all that is known. */
  get latest(): ClusterView {
    return applyChanges(this.view, this.pending);
  }

  /** Takes no more batches. */
  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
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

/** A problem with its place. */
export function problemWords({ source, message }: SourcedProblem): string {
  return `${source}: ${message}`;
}
