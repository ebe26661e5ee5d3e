/** What happened, kept for `starling events`: the latest ones, with a number each. */
import type { DaemonEvent, ProcessEvent } from '../api/types.ts';

/** How many events are kept. */
const KEPT = 10_000;

/** How the log is to take an event: `warn` where somebody may have to do something. */
export type EventLevel = 'info' | 'warn' | 'error';

/** `T`: the types that its events have. */
export class EventLog<T extends string = DaemonEvent['type']> {
  private readonly kept: ProcessEvent<T>[] = [];
  private readonly listeners = new Set<(event: ProcessEvent<T>, level: EventLevel) => void>();
  private readonly now: () => number;
  private lastId = 0;

  /** `now` in milliseconds since 1970. */
  constructor(now: () => number) {
    this.now = now;
  }

  /** Adds an event and tells the listeners. */
  add(type: T, subject: string, words: string, level: EventLevel = 'info'): void {
    const now = this.now();
    const event: ProcessEvent<T> = {
      id: ++this.lastId,
      type,
      subject,
      words,
      time: new Date(now).toISOString(),
      epochSeconds: now / 1000,
    };
    this.kept.push(event);
    // Trimmed by a quarter at a time, so that adding stays cheap.
    if (this.kept.length > KEPT * 1.25) this.kept.splice(0, this.kept.length - KEPT);
    for (const listener of this.listeners) listener(event, level);
  }

  /** Events kept whose number is greater than `after`, oldest first. */
  after(after: number): readonly ProcessEvent<T>[] {
    return this.kept.filter((event) => event.id > after);
  }

  /** Calls `listener` with each new event until the returned function is called. */
  subscribe(listener: (event: ProcessEvent<T>, level: EventLevel) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

/** The log of either daemon, for events of types that both have. */
export type AnyEventLog = Pick<EventLog<'config' | 'daemon' | 'datastore'>, 'add'>;
