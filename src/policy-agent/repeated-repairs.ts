/** Tells repairs of the kernel's table, and when there are so many that somebody must be at work against the agent. */

/** Most repairs in a span of time that others have reasons for: reloads of a firewall, a hand at work. */
const MOST = 10;
const SPAN = 60_000;

export class RepeatedRepairs {
  private readonly table: string;
  /** When the last ones were, at most one more than are common. Milliseconds since 1970. */
  private readonly times: number[] = [];
  private toldAt = -Infinity;

  constructor(table: string) {
    this.table = table;
  }

  /** The table was put right, after what `words` says. Returns what to tell; undefined: nothing that was not told before. */
  tell(words: string, now: number): string | undefined {
    this.times.push(now);
    if (this.times.length > MOST + 1) this.times.shift();
    if (!this.areTooMany(now)) return `${words}; it is as it should be again`;
    if (now - this.toldAt < SPAN) return undefined;
    this.toldAt = now;
    return `${words} again and again; ${ADVICE}`;
  }

  /** What is wrong now, in words. */
  trouble(now: number): string | undefined {
    if (!this.areTooMany(now)) return undefined;
    return `Table ${this.table} was changed by others more than ${MOST} times within a minute, and put right each time; ${ADVICE}.`;
  }

  private areTooMany(now: number): boolean {
    return this.times.length > MOST && now - this.times[0] < SPAN;
  }
}

const ADVICE = 'see whether a second starling-policyd runs on this node, with another policy.socket';
