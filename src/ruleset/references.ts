/** Who names what, asked in the other direction. */

/** What owners name; both are names themselves. */
export class References {
  private readonly named = new Map<string, ReadonlySet<string>>();
  private readonly owners = new Map<string, Set<string>>();

  /** Says all that an owner names now. */
  set(owner: string, names: ReadonlySet<string>): void {
    for (const name of this.named.get(owner) ?? []) if (!names.has(name)) this.forget(name, owner);
    for (const name of names) {
      const owners = this.owners.get(name);
      if (owners === undefined) this.owners.set(name, new Set([owner]));
      else owners.add(owner);
    }
    if (names.size === 0) this.named.delete(owner);
    else this.named.set(owner, names);
  }

  /** Who names it. */
  of(name: string): Iterable<string> {
    return this.owners.get(name) ?? [];
  }

  /** All that name anything. */
  all(): Iterable<string> {
    return this.named.keys();
  }

  private forget(name: string, owner: string): void {
    const owners = this.owners.get(name);
    owners?.delete(owner);
    if (owners?.size === 0) this.owners.delete(name);
  }
}
