/** Tells in the datastore what is wrong with objects in it, where people look at them: not often, and each problem once. */
import type { DatastoreWriter, SourcedProblem } from '../datastore/datastore.ts';

/** A datastore full of bad objects gets no more than these at a time, the others follow, a batch each interval. */
const BATCH = 10;
const INTERVAL = 60_000;

/** How many problems are remembered. */
const MEMORY = 10_000;

export class ProblemReports {
  private readonly writer: () => DatastoreWriter | undefined;
  /** Called with what went wrong. */
  private readonly failed: (error: unknown) => void;
  private readonly told = new Set<string>();
  private readonly waiting = new Map<string, SourcedProblem>();
  private timer: NodeJS.Timeout | undefined;

  constructor(writer: () => DatastoreWriter | undefined, failed: (error: unknown) => void) {
    this.writer = writer;
    this.failed = failed;
  }

  /** Tells a problem, unless it is of no object of the datastore, or told already. */
  add(problem: SourcedProblem): void {
    if (this.writer()?.report === undefined || problem.kind === undefined || problem.name === undefined) return;
    const words = problemWords(problem);
    if (this.told.has(words) || this.told.size + this.waiting.size >= MEMORY) return;
    this.waiting.set(words, problem);
    this.timer ??= setTimeout(() => void this.tell(), 0).unref();
  }

  /** Forgets what waits: nothing can be told any more. */
  stop(): void {
    this.waiting.clear();
    clearTimeout(this.timer);
  }

  private async tell(): Promise<void> {
    for (const [words, problem] of [...this.waiting].slice(0, BATCH)) {
      this.waiting.delete(words);
      this.told.add(words);
      try {
        await this.writer()?.report?.(problem);
      } catch (error) {
        // It stays told: the reason is a missing permission, or the problem comes up again.
        this.failed(error);
      }
    }
    this.timer = this.waiting.size === 0 ? undefined : setTimeout(() => void this.tell(), INTERVAL).unref();
  }
}

/** A problem with its place. */
export function problemWords({ source, message }: SourcedProblem): string {
  return `${source}: ${message}`;
}
