/** Waiting for a condition instead of sleeping. */
import { setTimeout as sleep } from 'node:timers/promises';

/** What to wait for. */
export interface WaitOptions<T> {
  /** What is waited for, for the message on failure: `... while waiting for <what>`. */
  readonly what: string;
  readonly timeoutMs?: number;
  readonly intervalMs?: number;
  /** Whether a value is the wanted one; by default any truthy value is. */
  readonly accept?: (value: T) => boolean;
}

/** The condition did not become true in time. */
export class WaitError extends Error {
  override readonly name = 'WaitError';
  constructor(what: string, timeoutMs: number, last: unknown) {
    super(`after ${timeoutMs} ms still waiting for ${what}; last seen: ${describe(last)}`);
  }
}

function describe(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value, undefined, 1);
  return (text ?? String(value)).slice(0, 4000);
}

/**
 * Asks `look` again and again until its value is accepted, and returns that value.
 * An exception of `look` ends the waiting. Throws {@link WaitError}, with the last value, after `timeoutMs` (10 s).
 */
export async function waitFor<T>(look: () => T | Promise<T>, options: WaitOptions<T>): Promise<T> {
  const { what, timeoutMs = 10_000, intervalMs = 25, accept = Boolean } = options;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await look();
    if (accept(value)) return value;
    if (performance.now() >= deadline) throw new WaitError(what, timeoutMs, value);
    await sleep(intervalMs);
  }
}
