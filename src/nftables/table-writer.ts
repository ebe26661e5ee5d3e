/** What a table of nftables should consist of, told object by object. */

/** A set or a map. Two declarations with the same text are the same. */
export interface SetDeclaration {
  readonly kind: 'set' | 'map';
  /** What stands between the braces before the elements, `type ipv4_addr . inet_proto; flags interval;`. */
  readonly body: string;
}

export interface ChainDeclaration {
  /** Of a base chain: `type filter hook forward priority 0; policy drop;`. */
  readonly base?: string;
  /** In words, for people who list the rules. */
  readonly comment?: string;
  /** Whether the table does without it where nft does not take it; another one lets nothing pass then. */
  readonly optional?: boolean;
  /** Rules as they stand in a chain, in nft's language. */
  readonly rules: readonly string[];
}

/** Names are of the table's own sets and chains. What is told is wanted from then on; nothing is checked. */
export interface TableWriter {
  /** A set or map is empty at first, and again where its declaration is another one. Undefined: it goes, with its elements. */
  declareSet(name: string, declaration: SetDeclaration | undefined): void;
  /** `element` in nft's language, `10.0.0.1` or `10.0.0.1 . tcp . 80`; with a value (`goto a`) in maps. Told again: no change. */
  addElement(set: string, element: string, value?: string): void;
  removeElement(set: string, element: string): void;
  /** Undefined: it goes. */
  declareChain(name: string, declaration: ChainDeclaration | undefined): void;
}
