/** Carries out the plans of a transition, one after the other: when the resources change, sessions do, or time has passed. */
import type { EventLog } from '../process/event-log.ts';
import { NO_MEMORY } from './transition.ts';
import type { Postponed, TransitionMemory, TransitionPlan } from './transition.ts';

/** What a plan depends on that the runner knows. */
export interface PlanState {
  readonly confirmed: boolean;
  readonly memory: TransitionMemory;
}

export interface TransitionRunnerOptions {
  readonly events: EventLog;
  readonly plan: (state: PlanState) => TransitionPlan;
  readonly carryOut: (plan: TransitionPlan) => Promise<void>;
}

export class TransitionRunner {
  /** What is not done to sessions for now, by key. */
  postponed: ReadonlyMap<string, Postponed> = new Map();

  private readonly options: TransitionRunnerOptions;
  private memory = NO_MEMORY;
  private timer: NodeJS.Timeout | undefined;
  /** Runs follow each other. */
  private last: Promise<void> = Promise.resolve();
  private waiting = false;
  private stopped = false;

  constructor(options: TransitionRunnerOptions) {
    this.options = options;
  }

  /** Plans and carries out; with `confirmed` also what would be held back. Rejects with what carrying out throws. */
  run(confirmed: boolean): Promise<void> {
    const run = this.last.then(() => this.runOnce(confirmed));
    this.last = run.catch(() => undefined);
    return run;
  }

  /** Sessions came up or ended: what waits for that may go on. */
  progressed(): void {
    if (this.postponed.size > 0) this.again();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private async runOnce(confirmed: boolean): Promise<void> {
    if (this.stopped) return;
    clearTimeout(this.timer);
    const plan = this.options.plan({ confirmed, memory: this.memory });
    this.memory = plan.memory;
    this.report(plan.postponed);
    this.postponed = plan.postponed;
    await this.options.carryOut(plan);
    if (plan.again === undefined || this.stopped) return;
    this.timer = setTimeout(() => this.again(), plan.again - performance.now());
  }

  /** Nobody waits for this run; what it throws comes back with the next change of resources. */
  private again(): void {
    if (this.waiting) return;
    this.waiting = true;
    this.last = this.last
      .then(() => {
        this.waiting = false;
        return this.runOnce(false);
      })
      .catch(() => undefined);
  }

  /** An event for each reason, not for each of what may be a thousand sessions. */
  private report(postponed: TransitionPlan['postponed']): void {
    const groups = new Map<string, { readonly postponed: Postponed; readonly keys: string[] }>();
    for (const [key, next] of postponed) {
      const before = this.postponed.get(key);
      if (before?.kind === next.kind && before.change === next.change) continue;
      const name = `${next.kind} ${next.change} ${next.words}`;
      const group = groups.get(name);
      if (group === undefined) groups.set(name, { postponed: next, keys: [key] });
      else group.keys.push(key);
    }
    for (const { postponed: what, keys } of groups.values()) {
      const todo = what.kind === 'held' ? ' Held back: `starling peer confirm --yes` does it.' : '';
      const level = what.kind === 'held' ? 'warn' : 'info';
      this.options.events.add('session', keys[0], `${what.words}${todo}${others(keys)}`, level);
    }
    const resumed = [...this.postponed.keys()].filter((key) => !postponed.has(key));
    if (resumed.length === 0) return;
    this.options.events.add('session', resumed[0], `neither kept nor held back any more.${others(resumed)}`);
  }
}

function others({ length }: readonly string[]): string {
  return length === 1 ? '' : ` So for ${length - 1} more.`;
}
