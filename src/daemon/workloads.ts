/** The workloads of this node, as the kernel has routes to them. */
import { formatPrefix } from '../net/prefix.ts';
import type { WorkloadRoute } from '../fib/workload-routes.ts';
import type { Prefix } from '../net/prefix.ts';

/** Keeps host prefixes; tells once a turn of the event loop that they changed, however many did. */
export class Workloads {
  private readonly known = new Map<string, WorkloadRoute>();
  private readonly changed: () => void;
  private scheduled = false;
  private listed: readonly WorkloadRoute[] | undefined;

  constructor(changed: () => void) {
    this.changed = changed;
  }

  /** The same as long as nothing changes. */
  get list(): readonly WorkloadRoute[] {
    return (this.listed ??= [...this.known.values()]);
  }

  change({ added, removed }: { readonly added: readonly WorkloadRoute[]; readonly removed: readonly Prefix[] }): void {
    for (const prefix of removed) this.known.delete(formatPrefix(prefix));
    for (const prefix of added) this.known.set(formatPrefix(prefix), prefix);
    this.listed = undefined;
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.changed();
    });
  }
}
