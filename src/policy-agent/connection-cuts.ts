/**
 * Cuts the connections of addresses that left: what is known to the kernel passes by all rules, and would go on with the next
 * owner of the address. All entries are read for that, so addresses that leave meanwhile are done together.
 */

/** How soon it is tried again where it failed, in milliseconds; the pause doubles with each failure in a row. */
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 60_000;

export class ConnectionCuts {
  private readonly cut: (addresses: readonly string[]) => Promise<unknown>;
  private readonly failed: (error: unknown) => void;
  private readonly waiting = new Set<string>();
  private busy = false;
  /** In a row. */
  private failures = 0;

  /** `failed` is told of the first failure in a row. */
  constructor(cut: (addresses: readonly string[]) => Promise<unknown>, failed: (error: unknown) => void) {
    this.cut = cut;
    this.failed = failed;
  }

  add(addresses: readonly string[]): void {
    for (const address of addresses) this.waiting.add(address);
    if (!this.busy) void this.work();
  }

  private async work(): Promise<void> {
    this.busy = true;
    while (this.waiting.size > 0) {
      const addresses = [...this.waiting];
      this.waiting.clear();
      try {
        await this.cut(addresses);
        this.failures = 0;
      } catch (error) {
        if (this.failures === 0) this.failed(error);
        for (const address of addresses) this.waiting.add(address);
        // Still busy: what leaves meanwhile is done with them.
        setTimeout(() => void this.work(), Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.failures++)).unref();
        return;
      }
    }
    this.busy = false;
  }
}
