/**
 * Cuts the connections of addresses that left: what is known to the kernel passes by all rules, and would go on with the next
 * owner of the address. All entries are read for that, so addresses that leave meanwhile are done together.
 */
export class ConnectionCuts {
  private readonly cut: (addresses: readonly string[]) => Promise<unknown>;
  private readonly failed: (error: unknown) => void;
  private readonly waiting = new Set<string>();
  private busy = false;

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
      } catch (error) {
        this.failed(error);
      }
    }
    this.busy = false;
  }
}
