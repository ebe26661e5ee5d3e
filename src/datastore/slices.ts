/** Work on many things that must not hold up the event loop. */
import { setImmediate } from 'node:timers/promises';

/** How long a slice may last, in milliseconds. */
const SLICE = 4;

/** Does `work` on each of the items, and lets others have a turn in between. What `work` throws ends it. */
export async function inSlices<T>(items: Iterable<T>, work: (item: T) => void): Promise<void> {
  let start = performance.now();
  for (const item of items) {
    work(item);
    if (performance.now() - start < SLICE) continue;
    await setImmediate();
    start = performance.now();
  }
}
