/** Does one thing after the other. */
export class WorkQueue {
  private readonly failed: (error: unknown) => void;
  private last: Promise<void> = Promise.resolve();

  /** `failed` is called with what is thrown, which keeps nothing that follows from being done. */
  constructor(failed: (error: unknown) => void) {
    this.failed = failed;
  }

  /** Does it when all is done that was asked for before; resolves after that. Never rejects. */
  add(work: () => void | Promise<void>): Promise<void> {
    return (this.last = this.last.then(work).catch(this.failed));
  }

  /** Resolves when all is done that was asked for until now. */
  get idle(): Promise<void> {
    return this.last;
  }
}
