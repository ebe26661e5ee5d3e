/**
 * What nft does not take of a table, so that one object holds back no others: a chain that lets nothing pass stands in its place,
 * and in that of every chain that names a set that is not taken.
 */
import type { NftRefusal } from './nft.ts';
import type { ChainDeclaration } from './table-writer.ts';

/** What a statement that adds something is about. */
const SUBJECT = /^add (set|map|chain|rule) inet \S+ (\S+)/;

/** A set that a rule names. */
const SET_NAME = /@([\w.-]+)/g;

const CLOSED = ['drop comment "nft does not take what is wanted here"'];

/** What is wanted in the table. */
export interface WantedObjects {
  readonly sets: ReadonlyMap<string, unknown>;
  readonly chains: ReadonlyMap<string, ChainDeclaration>;
}

export class Refusals {
  private readonly wanted: WantedObjects;
  /** Reasons by name. */
  private readonly sets = new Map<string, string>();
  private readonly chains = new Map<string, string>();

  constructor(wanted: WantedObjects) {
    this.wanted = wanted;
  }

  /** What nft said of a table that was made anew. Returns whether it can be made without something of it that was in it. */
  add(refusals: readonly NftRefusal[]): boolean {
    return refusals.map((refusal) => this.addOne(refusal)).includes(true);
  }

  /** The chain as nft takes it; undefined where there is none without what it refuses. */
  standIn(name: string, chain: ChainDeclaration): ChainDeclaration | undefined {
    if (!this.isRefused(name, chain)) return chain;
    if (chain.optional !== true) return { ...chain, rules: CLOSED };
    return chain.base === undefined ? { ...chain, rules: [] } : undefined;
  }

  hasSet(name: string): boolean {
    return this.sets.has(name);
  }

  /** Another chain is wanted now, which nft may take. */
  forgetChain(name: string): void {
    this.chains.delete(name);
  }

  /** The set is another one now, which nft may take. Returns whether it was refused. */
  forgetSet(name: string): boolean {
    return this.sets.delete(name);
  }

  /** All may be taken now. */
  forgetAll(): void {
    this.sets.clear();
    this.chains.clear();
  }

  /** In words, what is not in the table as it is wanted. */
  get words(): string[] {
    if (this.sets.size === 0 && this.chains.size === 0) return [];
    const words = Array.from(this.sets, ([name, reason]) => `set ${name} is not there: ${reason}`);
    for (const [name, chain] of this.wanted.chains) {
      if (!this.isRefused(name, chain)) continue;
      const reason = this.chains.get(name) ?? 'it names a set that is not there';
      const what = chain.comment === undefined ? `chain ${name}` : `${chain.comment} (chain ${name})`;
      words.push(`${what} ${chain.optional === true ? 'is left out' : 'lets nothing pass'}: ${reason}`);
    }
    return words;
  }

  private isRefused(name: string, chain: ChainDeclaration): boolean {
    if (this.chains.has(name)) return true;
    if (this.sets.size === 0) return false;
    return chain.rules.some((rule) => [...rule.matchAll(SET_NAME)].some(([, set]) => this.sets.has(set)));
  }

  private addOne({ statement, reason }: NftRefusal): boolean {
    const [, kind, name = ''] = SUBJECT.exec(statement) ?? [];
    if (kind === 'set' || kind === 'map') {
      if (!this.wanted.sets.has(name) || this.sets.has(name)) return false;
      this.sets.set(name, reason);
      return true;
    }
    const chain = this.wanted.chains.get(name);
    // One that nft takes in no form. One that the host's own packets come to must not cut it off, and is waited for.
    if (chain === undefined || this.isRefused(name, chain)) return false;
    if (chain.base !== undefined && chain.optional !== true) return false;
    this.chains.set(name, reason);
    return true;
  }
}
