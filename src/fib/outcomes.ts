/**
 * What came of writing since the queue was last empty: told once for all that was refused, and once for all that was
 * repaired.
 */
import { refusedWords } from './fib-words.ts';
import { newWriteOutcome } from './kernel-routes.ts';
import type { FibRepair, FibTrouble } from './worker-messages.ts';

/** Is told what happens. */
export interface EngineListener {
  /** Something can't be done; once for each thing. */
  trouble(trouble: FibTrouble): void;
  /** Routes that somebody else had changed are as they should be. */
  repaired(repair: FibRepair): void;
}

/** Collects outcomes. */
export class Outcomes {
  /** Since the last {@link report}. */
  current = newWriteOutcome();
  /** Routes that were newly refused, and that were put right, so far. */
  refused = 0;
  repaired = 0;

  private damage: string | undefined;
  private readonly listener: EngineListener;

  constructor(listener: EngineListener) {
    this.listener = listener;
  }

  /** Says what happened to routes that will be repaired; the first words count. */
  damaged(words: string): void {
    this.damage ??= words;
  }

  /** A group that `count` routes have, `prefix` one of them, is as it should be again. */
  groupRepaired(prefix: string, count: number): void {
    if (this.current.repaired === 0) this.current.firstRepaired = prefix;
    this.current.repaired += count;
  }

  /** Tells all that came of it. */
  report(): void {
    const { refused, firstRefused, repaired, firstRepaired } = this.current;
    const { damage } = this;
    this.current = newWriteOutcome();
    this.damage = undefined;
    if (refused > 0) {
      this.refused += refused;
      this.listener.trouble({ code: 'FIB_ROUTE', message: refusedWords(refused, firstRefused), routes: refused });
    }
    if (repaired === 0) return;
    this.repaired += repaired;
    this.listener.repaired({ prefix: firstRepaired, words: damage ?? 'it had been changed', count: repaired });
  }
}
