/** The addresses of this node's workloads, and which of them came out of hands. */
export class WorkloadAddresses {
  readonly #byWorkload = new Map<string, readonly string[]>();
  /** How many workloads have an address. */
  readonly #counts = new Map<string, number>();
  readonly #left = new Set<string>();
  /** How many of those that have an address did not have it at the last call. */
  readonly #newcomers = new Map<string, number>();

  /** The addresses that a workload has now, once between two calls of {@link takeDeparted}; none where it is gone. */
  set(workload: string, addresses: readonly string[]): void {
    const before = this.#byWorkload.get(workload) ?? [];
    for (const address of addresses) {
      increase(this.#counts, address);
      if (!before.includes(address)) increase(this.#newcomers, address);
    }
    for (const address of before) {
      const rest = (this.#counts.get(address) ?? 0) - 1;
      if (rest > 0) this.#counts.set(address, rest);
      else this.#counts.delete(address);
      if (!addresses.includes(address)) this.#left.add(address);
    }
    if (addresses.length > 0) this.#byWorkload.set(workload, addresses);
    else this.#byWorkload.delete(workload);
  }

  /**
   * Those that some workload had at the last call, and none of those that had it has now. A new owner may have it already, whose
   * connections the ones of the former owner are not.
   */
  takeDeparted(): readonly string[] {
    const departed = [...this.#left].filter(
      (address) => (this.#counts.get(address) ?? 0) === (this.#newcomers.get(address) ?? 0),
    );
    this.#left.clear();
    this.#newcomers.clear();
    return departed;
  }
}

function increase(counts: Map<string, number>, address: string): void {
  counts.set(address, (counts.get(address) ?? 0) + 1);
}
