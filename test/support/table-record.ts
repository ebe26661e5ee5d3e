/** What a table was told to be, for tests: strict where the kernel is, and as a script for nft. */
import type { ChainDeclaration, SetDeclaration, TableWriter } from '../../src/nftables/table-writer.ts';

interface RecordedSet extends SetDeclaration {
  readonly elements: Map<string, string>;
}

export class TableRecord implements TableWriter {
  readonly sets = new Map<string, RecordedSet>();
  readonly chains = new Map<string, ChainDeclaration>();
  /** Every call that changed something, by what it was about; emptied by whoever looks. */
  touched: string[] = [];

  declareSet(name: string, declaration: SetDeclaration | undefined): void {
    const before = this.sets.get(name);
    if (before?.body === declaration?.body && before?.kind === declaration?.kind) return;
    this.touched.push(`set ${name}`);
    if (declaration === undefined) this.sets.delete(name);
    else this.sets.set(name, { ...declaration, elements: new Map() });
  }

  addElement(name: string, element: string, value = ''): void {
    const { elements } = this.known(name);
    if (elements.get(element) === value) return;
    if (elements.has(element)) throw new Error(`element ${element} of ${name} has another value`);
    this.touched.push(`element ${name} ${element}`);
    elements.set(element, value);
  }

  removeElement(name: string, element: string): void {
    this.touched.push(`element ${name} ${element}`);
    if (!this.known(name).elements.delete(element)) throw new Error(`set ${name} has no element ${element}`);
  }

  declareChain(name: string, declaration: ChainDeclaration | undefined): void {
    const text = (chain: ChainDeclaration | undefined) =>
      chain && JSON.stringify([chain.base, chain.comment, chain.rules]);
    if (text(this.chains.get(name)) === text(declaration)) return;
    this.touched.push(`chain ${name}`);
    if (declaration === undefined) this.chains.delete(name);
    else this.chains.set(name, declaration);
  }

  /** The rules of a chain, one that is there. */
  rules(chain: string): readonly string[] {
    const known = this.chains.get(chain);
    if (known === undefined) throw new Error(`there is no chain ${chain}, but ${[...this.chains.keys()].join(', ')}`);
    return known.rules;
  }

  /** Elements of a set in order, of maps with their values. */
  elements(set: string): string[] {
    return [...this.known(set).elements]
      .map(([element, value]) => (value === '' ? element : `${element} : ${value}`))
      .toSorted();
  }

  /** Everything in an order that does not depend on how it came to be. */
  contents(): unknown {
    const sets = [...this.sets].map(([name, { body }]) => [name, body, this.elements(name)]);
    return [sets.toSorted(byName), [...this.chains].toSorted(byName)];
  }

  /** What rules name and is not there, or is there and nothing names it. */
  dangling(): string[] {
    const texts = [
      ...[...this.chains.values()].flatMap(({ rules }) => rules),
      ...[...this.sets.values()].flatMap(({ elements }) => [...elements.values()]),
    ].map((text) => text.replaceAll(/"[^"]*"/g, '""'));
    const named = (pattern: RegExp) => texts.flatMap((text) => [...text.matchAll(pattern)].map(([, name]) => name));
    const faults = [
      ...named(/(?:goto|jump) ([\w.-]+)/g).filter((name) => !this.chains.has(name)),
      ...named(/@([\w.-]+)/g).filter((name) => !this.sets.has(name)),
    ];
    return [...new Set(faults)];
  }

  /** The table as a script that loads it anew. */
  script(table: string): string {
    const lines = [`add table inet ${table}`, `delete table inet ${table}`, `add table inet ${table}`];
    for (const [name, { kind, body }] of this.sets) lines.push(`add ${kind} inet ${table} ${name} { ${body} }`);
    for (const [name, { base, comment }] of this.chains) {
      const words = comment === undefined ? '' : `comment "${comment}";`;
      lines.push(`add chain inet ${table} ${name} { ${base ?? ''} ${words} }`);
    }
    for (const [name, { rules }] of this.chains)
      for (const rule of rules) lines.push(`add rule inet ${table} ${name} ${rule}`);
    for (const name of this.sets.keys()) {
      const elements = this.elements(name);
      if (elements.length > 0) lines.push(`add element inet ${table} ${name} { ${elements.join(', ')} }`);
    }
    return `${lines.join('\n')}\n`;
  }

  private known(name: string): RecordedSet {
    const set = this.sets.get(name);
    if (set === undefined) throw new Error(`there is no set ${name}, but ${[...this.sets.keys()].join(', ')}`);
    return set;
  }
}

function byName([a]: readonly unknown[], [b]: readonly unknown[]): number {
  return String(a) < String(b) ? -1 : 1;
}
