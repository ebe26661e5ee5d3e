/** A listing that is worked out once and handed on bit by bit: with 100,000 endpoints, finding those that are wanted takes long. */
export class KeptListing<T> {
  private kept: { readonly query: string; readonly next: number; readonly all: readonly T[] } | undefined;

  /**
   * At most `limit` of what `make` gives, from a position on; it is not asked where the last slice of the same query ended there.
   * `next` as in {@link Slice}.
   */
  slice(
    query: string,
    { position, limit, make }: { readonly position: number; readonly limit: number; readonly make: () => readonly T[] },
  ): { readonly part: readonly T[]; readonly next: number | null } {
    const { kept } = this;
    const all = kept?.query === query && kept.next === position ? kept.all : make();
    const next = position + limit;
    const isLast = next >= all.length;
    // Nothing is held longer than somebody may ask for it.
    this.kept = isLast ? undefined : { query, next, all };
    return { part: all.slice(position, next), next: isLast ? null : next };
  }
}
