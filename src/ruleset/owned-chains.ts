/** Chains by what they are there for. */
import type { TableWriter } from '../nftables/table-writer.ts';
import type { Chains } from './rule-chains.ts';

const NONE: Chains = new Map();

/** Tells a writer of chains, and of those that nothing gives any more. */
export class OwnedChains {
  private readonly writer: TableWriter;
  private readonly names = new Map<string, readonly string[]>();

  constructor(writer: TableWriter) {
    this.writer = writer;
  }

  /** Says which chains there are for an owner, none others than these. */
  set(owner: string, chains: Chains): void {
    for (const name of this.names.get(owner) ?? []) if (!chains.has(name)) this.writer.declareChain(name, undefined);
    for (const [name, declaration] of chains) this.writer.declareChain(name, declaration);
    if (chains.size === 0) this.names.delete(owner);
    else this.names.set(owner, [...chains.keys()]);
  }

  remove(owner: string): void {
    this.set(owner, NONE);
  }
}
