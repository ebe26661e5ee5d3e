/**
 * What should be in a table, and how that differs from what the kernel was told before. Only what was touched since is looked
 * at, so that a change costs the same however much is wanted.
 */
import type { NftRefusal } from './nft.ts';
import { Refusals } from './refusals.ts';
import { TableStatements } from './table-statements.ts';
import type { ChainDeclaration, SetDeclaration, TableWriter } from './table-writer.ts';

interface WantedSet {
  readonly declaration: SetDeclaration;
  /** Value by element; empty in a set that is no map. */
  readonly elements: Map<string, string>;
  /** Value before by element that was touched; undefined where there was none. Not kept for a set that is new. */
  touched: Map<string, string | undefined> | undefined;
  /** Whether the kernel was never told of it. */
  fresh: boolean;
}

export class WantedTable implements TableWriter {
  private readonly statements: TableStatements;
  private readonly sets = new Map<string, WantedSet>();
  private readonly chains = new Map<string, ChainDeclaration>();
  private readonly refusals = new Refusals({ sets: this.sets, chains: this.chains });
  /** What the kernel was told last of sets that were declared or went since; undefined where it has none. */
  private readonly setsBefore = new Map<string, SetDeclaration | undefined>();
  private readonly chainsBefore = new Map<string, ChainDeclaration | undefined>();
  /** Sets with elements that were touched. */
  private readonly touched = new Set<WantedSet>();
  private readonly names = new Map<WantedSet, string>();
  /** Sets that nft did not take, and that are told again: rules that name them were left out. */
  private readonly triedAgain = new Set<string>();
  /** What was told while statements are being made, which takes many turns of the event loop where there is much. */
  private later: (() => void)[] | undefined;

  constructor(name: string) {
    this.statements = new TableStatements(name);
  }

  /** How much is wanted. Walks over the sets, but not over their elements. */
  get counts(): { sets: number; chains: number; elements: number } {
    let elements = 0;
    for (const set of this.sets.values()) elements += set.elements.size;
    return { sets: this.sets.size, chains: this.chains.size, elements };
  }

  /** In words, what is not in the table as it is wanted, since nft does not take it. */
  get refused(): readonly string[] {
    return this.refusals.words;
  }

  /** Has the table be without what nft did not take of {@link everything}. Returns whether it can. */
  refuse(refusals: readonly NftRefusal[]): boolean {
    return this.refusals.add(refusals);
  }

  /** Has {@link everything} hold again what nft did not take: it may now, for reasons that are not in the table. */
  forgetRefusals(): void {
    this.refusals.forgetAll();
  }

  /** See {@link TableWriter.declareSet}. */
  declareSet(name: string, declaration: SetDeclaration | undefined): void {
    if (this.later !== undefined) return void this.later.push(() => this.declareSet(name, declaration));
    const set = this.sets.get(name);
    if (sameSet(set?.declaration, declaration)) return;
    if (set !== undefined) {
      if (this.refusals.forgetSet(name)) this.tryAgain(name, set);
      if (!set.fresh) this.setsBefore.set(name, set.declaration);
      this.touched.delete(set);
      this.names.delete(set);
      this.sets.delete(name);
    }
    if (declaration === undefined) return;
    if (!this.setsBefore.has(name)) this.setsBefore.set(name, undefined);
    const added: WantedSet = { declaration, elements: new Map(), touched: undefined, fresh: true };
    this.sets.set(name, added);
    this.names.set(added, name);
  }

  /** See {@link TableWriter.addElement}. Throws an Error where the set was never declared. */
  addElement(name: string, element: string, value = ''): void {
    if (this.later !== undefined) return void this.later.push(() => this.addElement(name, element, value));
    const set = this.sets.get(name);
    if (set === undefined) throw new Error(`nftables: element ${element} of set ${name}, which is not declared`);
    if (set.elements.get(element) === value) return;
    this.touch(name, set, element);
    set.elements.set(element, value);
  }

  /** See {@link TableWriter.removeElement}. */
  removeElement(name: string, element: string): void {
    if (this.later !== undefined) return void this.later.push(() => this.removeElement(name, element));
    const set = this.sets.get(name);
    if (set?.elements.has(element) !== true) return;
    this.touch(name, set, element);
    set.elements.delete(element);
  }

  /** See {@link TableWriter.declareChain}. */
  declareChain(name: string, declaration: ChainDeclaration | undefined): void {
    if (this.later !== undefined) return void this.later.push(() => this.declareChain(name, declaration));
    const chain = this.chains.get(name);
    if (sameHeader(chain, declaration) && sameRules(chain, declaration)) return;
    if (!this.chainsBefore.has(name)) this.chainsBefore.set(name, chain);
    this.refusals.forgetChain(name);
    if (declaration === undefined) this.chains.delete(name);
    else this.chains.set(name, declaration);
  }

  /**
   * Statements that make the table anew from nothing. To be read to its end, in as many turns as it takes; what is wanted
   * meanwhile comes after it. `smoothly` loses next to no packet where an earlier table has the same base chains; the kernel refuses it where
   * chains that have their names there are no base chains.
   */
  everything(smoothly = false): Generator<string> {
    return this.reading(this.whole(smoothly));
  }

  /**
   * Statements that lead from what was last read to what is wanted now; none where nothing differs. Read as {@link everything}.
   * Sets of up to `rewritten` elements are emptied and filled where one is removed.
   */
  difference(rewritten = 0): Generator<string> {
    return this.reading(this.changes(rewritten));
  }

  private touch(name: string, set: WantedSet, element: string): void {
    if (this.refusals.forgetSet(name)) this.tryAgain(name, set);
    if (set.fresh) return;
    set.touched ??= new Map();
    if (set.touched.has(element)) return;
    set.touched.set(element, set.elements.get(element));
    this.touched.add(set);
  }

  /** The kernel does not have the set. */
  private tryAgain(name: string, set: WantedSet): void {
    set.fresh = true;
    set.touched = undefined;
    this.touched.delete(set);
    this.setsBefore.set(name, undefined);
    this.triedAgain.add(name);
  }

  private *reading(statements: Generator<string>): Generator<string> {
    this.later = [];
    try {
      yield* statements;
    } finally {
      const { later } = this;
      this.told();
      this.later = undefined;
      for (const call of later) call();
    }
  }

  /** The kernel is taken to have what was read; where that went wrong, everything is read again. */
  private told(): void {
    for (const name of this.setsBefore.keys()) {
      const set = this.sets.get(name);
      if (set !== undefined) set.fresh = false;
    }
    for (const set of this.touched) set.touched = undefined;
    this.touched.clear();
    this.setsBefore.clear();
    this.chainsBefore.clear();
    this.triedAgain.clear();
  }

  private *whole(smoothly: boolean): Generator<string> {
    const { statements } = this;
    const sets = [...this.sets].filter(([name]) => !this.refusals.hasSet(name));
    const chains = [...this.chains].flatMap(([name, wanted]) => {
      const chain = this.refusals.standIn(name, wanted);
      return chain === undefined ? [] : [[name, chain] as const];
    });
    const bases = chains.filter(([, { base }]) => base !== undefined).map(([name]) => name);
    yield statements.anew(smoothly ? bases : []);
    for (const [name, { declaration }] of sets) yield statements.addSet(name, declaration);
    for (const [name, { declaration, elements }] of sets) {
      if (declaration.kind === 'set') yield* statements.addElements(name, declaration, elements);
    }
    // Empty at first: rules name chains that come later.
    for (const [name, chain] of chains) yield statements.addChain(name, chain);
    for (const [name, chain] of chains) yield statements.addRules(name, chain);
    for (const [name, { declaration, elements }] of sets) {
      if (declaration.kind === 'map') yield* statements.addElements(name, declaration, elements);
    }
  }

  private *changes(rewritten: number): Generator<string> {
    const { statements, sets, chains } = this;
    const goneSets = [...this.setsBefore].filter(([, before]) => before !== undefined);
    const goneChains = [...this.chainsBefore].filter(
      ([name, before]) => before !== undefined && !sameHeader(before, chains.get(name)),
    );
    const refers = this.references(goneSets, goneChains);
    const changed = this.changedSets(refers);
    const refills = new Set<WantedSet>();
    for (const set of changed.values()) {
      if (set.elements.size <= rewritten && removed(set, refers).next().done !== true) refills.add(set);
    }
    const refilled = this.refilledChains(refers);
    for (const [name, set] of changed) {
      if (refills.has(set)) yield statements.flushSet(name, set.declaration);
      else yield* statements.deleteElements(name, removed(set, refers));
    }
    for (const name of refilled) yield statements.flushChain(name);
    for (const [name] of goneChains) yield statements.flushChain(name);
    for (const [name, before] of goneSets) yield statements.deleteSet(name, before!);
    for (const [name] of goneChains) yield statements.deleteChain(name);

    const freshSets = [...this.setsBefore.keys()].filter((name) => sets.has(name));
    for (const name of freshSets) yield statements.addSet(name, sets.get(name)!.declaration);
    const additions = new Map<string, Iterable<readonly [string, string]>>();
    for (const name of freshSets) additions.set(name, sets.get(name)!.elements);
    for (const [name, set] of changed) additions.set(name, refills.has(set) ? set.elements : added(set, refers));
    yield* this.addedElements('set', additions);
    const freshChains = [...this.chainsBefore].filter(
      ([name, before]) => chains.has(name) && !sameHeader(before, chains.get(name)),
    );
    for (const [name] of freshChains) yield statements.addChain(name, chains.get(name)!);
    for (const name of [...freshChains.map(([fresh]) => fresh), ...refilled]) {
      const chain = this.refusals.standIn(name, chains.get(name)!);
      if (chain !== undefined) yield statements.addRules(name, chain);
    }
    yield* this.addedElements('map', additions);
  }

  private *addedElements(
    kind: 'set' | 'map',
    additions: ReadonlyMap<string, Iterable<readonly [string, string]>>,
  ): Generator<string> {
    for (const [name, elements] of additions) {
      const { declaration } = this.sets.get(name)!;
      if (declaration.kind === kind) yield* this.statements.addElements(name, declaration, elements);
    }
  }

  /** Finds names of what is deleted and made again, as far as there is such a thing. */
  private references(
    goneSets: readonly (readonly [string, unknown])[],
    goneChains: readonly (readonly [string, unknown])[],
  ): Refers | undefined {
    const names = new Set<string>();
    for (const [name] of goneSets) if (this.sets.has(name)) names.add(`@${name}`);
    for (const name of this.triedAgain) names.add(`@${name}`);
    for (const [name] of goneChains) if (this.chains.has(name)) names.add(name);
    if (names.size === 0) return undefined;
    return (text) => {
      for (const [reference, target] of text.matchAll(REFERENCE)) {
        if (names.has(target ?? reference)) return true;
      }
      return false;
    };
  }

  /** Chains that stay, and whose rules are written again: others are wanted, or they name what is made again. */
  private refilledChains(refers: Refers | undefined): Set<string> {
    const refilled = new Set<string>();
    for (const [name, before] of this.chainsBefore) {
      const chain = this.chains.get(name);
      if (before !== undefined && sameHeader(before, chain) && !sameRules(before, chain)) refilled.add(name);
    }
    if (refers === undefined) return refilled;
    for (const [name, chain] of this.chains) {
      const before = this.chainsBefore.get(name);
      const isKept = this.chainsBefore.has(name) ? sameHeader(before, chain) : true;
      if (isKept && (chain.rules.some(refers) || before?.rules.some(refers) === true)) refilled.add(name);
    }
    return refilled;
  }

  /** Sets that the kernel has and that may get or lose elements. */
  private changedSets(refers: Refers | undefined): Map<string, WantedSet> {
    const changed = new Map<string, WantedSet>();
    for (const set of this.touched) changed.set(this.names.get(set)!, set);
    if (refers === undefined) return changed;
    for (const [name, set] of this.sets) if (set.declaration.kind === 'map' && !set.fresh) changed.set(name, set);
    return changed;
  }
}

/** Whether a rule, or the value of an element, names something that is deleted and made again. */
type Refers = (text: string) => boolean;

/** What refers to a set, `@name`, or to a chain. */
const REFERENCE = /@[\w.-]+|\b(?:goto|jump)\s+([\w.-]+)/g;

/** Elements that the kernel has and is not to have, or not as they are. */
function* removed(set: WantedSet, refers: Refers | undefined): Generator<string> {
  for (const [element, before] of set.touched ?? []) {
    if (before !== undefined && before !== set.elements.get(element)) yield element;
  }
  for (const [element] of madeAgain(set, refers)) yield element;
}

function* added(set: WantedSet, refers: Refers | undefined): Generator<readonly [string, string]> {
  for (const [element, before] of set.touched ?? []) {
    const now = set.elements.get(element);
    if (now !== undefined && now !== before) yield [element, now];
  }
  yield* madeAgain(set, refers);
}

/** Elements that stay, and are deleted and added because of what their values name. */
function* madeAgain(
  { elements, touched }: WantedSet,
  refers: Refers | undefined,
): Generator<readonly [string, string]> {
  if (refers === undefined) return;
  for (const entry of elements) {
    const [element, value] = entry;
    const isOther = touched?.has(element) === true && touched.get(element) !== value;
    if (!isOther && refers(value)) yield entry;
  }
}

function sameSet(a: SetDeclaration | undefined, b: SetDeclaration | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && a.kind === b.kind && a.body === b.body);
}

/** Whether both are the same but for their rules, which alone can be replaced in a chain that is there. */
function sameHeader(a: ChainDeclaration | undefined, b: ChainDeclaration | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && a.base === b.base && a.comment === b.comment);
}

function sameRules(a: ChainDeclaration | undefined, b: ChainDeclaration | undefined): boolean {
  if (a?.rules === b?.rules) return true;
  return a?.rules.length === b?.rules.length && a?.rules.every((rule, i) => rule === b?.rules[i]) === true;
}
