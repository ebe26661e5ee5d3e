/** What the API needs from any process of Starling, be it the daemon or the policy agent. */
import type { ActionResult, ProcessEvent } from './types.ts';

/** A part of a listing that is too long to be made in one turn of the event loop. */
export interface Slice<T> {
  readonly items: readonly T[];
  /** Position to go on from, always greater than the one asked for; null at the end. */
  readonly next: number | null;
}

/** Figures of the datastore. Totals count since the process started. */
export interface DatastoreCounters {
  readonly changes: number;
  readonly errors: number;
  /** When a resource came, changed or went last, milliseconds since 1970; undefined before. */
  readonly lastChange: number | undefined;
  /** Resources known, by kind. */
  readonly resources: Readonly<Record<string, number>>;
  /** Resources ignored because they are not valid. */
  readonly invalid: number;
}

/** Durations that were measured since the start, counted by size as Prometheus does. */
export interface DurationFigures {
  /** Upper bounds in seconds, ascending. */
  readonly bounds: readonly number[];
  /** Number of durations up to each bound and above the one before; one more at the end, for those above the last. */
  readonly counts: readonly number[];
  /** Of all durations, in seconds. */
  readonly sum: number;
}

export interface ProcessView<E extends ProcessEvent = ProcessEvent> {
  status(): { readonly version: string };

  /** Events still kept whose id is greater than `after`, oldest first. */
  events(after: number): readonly E[];

  /** Calls `listener` with each new event until the returned function is called. The listener does not throw. */
  subscribe(listener: (event: E) => void): () => void;

  /** Begins to stop: for a restart, or for good, with all that it did to the kernel undone. */
  shutdown(forGood: boolean): ActionResult | Promise<ActionResult>;
}
