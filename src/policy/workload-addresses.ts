/** The addresses of this node's workloads, and which of them are nobody's any more. */
export class WorkloadAddresses {
  readonly #byWorkload = new Map<string, readonly string[]>();
  /** How many workloads have an address. */
  readonly #counts = new Map<string, number>();
  readonly #left = new Set<string>();

  /** The addresses that a workload has now; none where it is gone. */
  set(workload: string, addresses: readonly string[]): void {
    for (const address of addresses) this.#counts.set(address, (this.#counts.get(address) ?? 0) + 1);
    for (const address of this.#byWorkload.get(workload) ?? []) {
      const rest = (this.#counts.get(address) ?? 0) - 1;
      if (rest > 0) this.#counts.set(address, rest);
      else this.#counts.delete(address);
      this.#left.add(address);
    }
    if (addresses.length > 0) this.#byWorkload.set(workload, addresses);
    else this.#byWorkload.delete(workload);
  }

  /** Those that some workload had at the last call and none has now. */
  takeDeparted(): readonly string[] {
    const departed = [...this.#left].filter((address) => !this.#counts.has(address));
    this.#left.clear();
    return departed;
  }
}
