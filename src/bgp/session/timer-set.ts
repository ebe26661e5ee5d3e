/** Timers by name. */
export class TimerSet<Name extends string> {
  readonly #timers = new Map<Name, RunningTimer>();
  readonly #fire: (name: Name) => void;

  /** `fire` is called with the name of each timer that expires. */
  constructor(fire: (name: Name) => void) {
    this.#fire = fire;
  }

  /** Starts a timer, in place of a running one of that name. */
  arm(name: Name, milliseconds: number): void {
    const timer = this.#timers.get(name);
    const deadline = performance.now() + milliseconds;
    if (timer !== undefined && deadline >= timer.wakeUp) {
      timer.deadline = deadline;
      timer.milliseconds = milliseconds;
      return;
    }
    clearTimeout(timer?.handle);
    this.#timers.set(name, { deadline, milliseconds, wakeUp: deadline, handle: this.#sleep(name, milliseconds) });
  }

  /** Starts a running timer from the beginning. Cheap enough to be called for every message. */
  restart(name: Name): void {
    const timer = this.#timers.get(name);
    // The timer looks at its deadline when it wakes up.
    if (timer !== undefined) timer.deadline = performance.now() + timer.milliseconds;
  }

  cancel(name: Name): void {
    clearTimeout(this.#timers.get(name)?.handle);
    this.#timers.delete(name);
  }

  /** Cancels all of them. */
  clear(): void {
    for (const { handle } of this.#timers.values()) clearTimeout(handle);
    this.#timers.clear();
  }

  #sleep(name: Name, milliseconds: number): NodeJS.Timeout {
    return setTimeout(() => this.#wake(name), Math.max(1, milliseconds));
  }

  #wake(name: Name): void {
    const timer = this.#timers.get(name);
    if (timer === undefined) return;
    const left = timer.deadline - performance.now();
    // Timers have a resolution of a millisecond.
    if (left < 1) {
      this.#timers.delete(name);
      this.#fire(name);
      return;
    }
    timer.wakeUp = timer.deadline;
    timer.handle = this.#sleep(name, left);
  }
}

interface RunningTimer {
  /** When it expires, milliseconds as `performance.now()`. */
  deadline: number;
  /** How long it runs. */
  milliseconds: number;
  /** When it looks at its deadline. */
  wakeUp: number;
  handle: NodeJS.Timeout;
}
