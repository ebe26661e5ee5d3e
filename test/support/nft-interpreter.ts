/**
 * A small model of the kernel's packet filter: takes the statements of nft's language that tables are written with, and refuses,
 * as the kernel does, what names something that is not there, deletes what is in use, or adds what is there with another content.
 */
import { expect } from 'vitest';

interface SetContents {
  readonly header: string;
  readonly elements: Map<string, string>;
}

interface ChainContents {
  readonly header: string;
  rules: string[];
}

/** Contents of the table, in an order of their own. */
export interface TableContents {
  readonly sets: Readonly<Record<string, SetContents>>;
  readonly chains: Readonly<Record<string, ChainContents>>;
}

export class Interpreter {
  private readonly table: string;
  private there = false;
  private sets = new Map<string, SetContents>();
  private chains = new Map<string, ChainContents>();

  constructor(name: string) {
    this.table = `inet ${name}`;
  }

  /** Runs the statements of one transaction; throws at the first that the kernel would refuse. */
  run(text: string): void {
    for (const line of text.split('\n')) if (line !== '') this.statement(line);
    for (const [name, { rules }] of this.chains) for (const rule of rules) this.checkNames(name, rule);
  }

  contents(): TableContents {
    const sets = Object.fromEntries(
      [...this.sets].map(([name, set]) => [name, { ...set, elements: new Map([...set.elements].toSorted()) }]),
    );
    return { sets, chains: Object.fromEntries(this.chains) };
  }

  private statement(line: string): void {
    const [, verb, kind, rest] = /^(\w+) (\w+) (.*)$/.exec(line) ?? [];
    expect(rest.startsWith(this.table), line).toBe(true);
    const [name = '', ...words] = rest.slice(this.table.length + 1).split(' ');
    const more = words.join(' ');
    if (kind === 'table') return this.tableStatement(verb);
    expect(this.there, line).toBe(true);
    switch (`${verb} ${kind}`) {
      case 'add set':
      case 'add map':
        return this.addSet(kind, name, more);
      case 'delete set':
      case 'delete map':
        expect(this.sets.get(name)?.header, line).toMatch(new RegExp(`^${kind}`));
        expect(this.namesOf(`@${name}`), line).toEqual([]);
        return void this.sets.delete(name);
      case 'delete element':
        for (const element of inner(more).split(', '))
          expect(this.sets.get(name)?.elements.delete(element), line).toBe(true);
        return;
      case 'add chain':
        expect(this.chains.has(name), line).toBe(false);
        return void this.chains.set(name, { header: more, rules: [] });
      case 'flush chain':
        expect(this.chains.has(name), line).toBe(true);
        this.chains.get(name)!.rules = [];
        return;
      case 'delete chain':
        expect(this.chains.get(name)?.rules, line).toEqual([]);
        expect(this.namesOf(name), line).toEqual([]);
        return void this.chains.delete(name);
      case 'add rule':
        this.checkNames(name, more);
        return void this.chains.get(name)!.rules.push(more);
      default:
        throw new Error(`unknown statement: ${line}`);
    }
  }

  private tableStatement(verb: string): void {
    if (verb === 'delete') {
      expect(this.there).toBe(true);
      this.sets = new Map();
      this.chains = new Map();
    }
    this.there = verb === 'add';
  }

  private addSet(kind: string, name: string, more: string): void {
    const [body, elements] = inner(more).split(/ ?elements = /);
    const header = `${kind} ${body}`;
    const set = this.sets.get(name) ?? { header, elements: new Map<string, string>() };
    expect(set.header).toBe(header);
    this.sets.set(name, set);
    if (elements === undefined) return;
    for (const element of inner(elements.replace(/;$/, '')).split(', ')) {
      const [key, value = ''] = element.split(' : ');
      expect(set.elements.get(key) ?? value, element).toBe(value);
      for (const [, target] of value.matchAll(/goto (\w+)/g)) expect(this.chains.has(target), element).toBe(true);
      set.elements.set(key, value);
    }
  }

  private checkNames(chain: string, rule: string): void {
    expect(this.chains.has(chain), rule).toBe(true);
    for (const [, set] of rule.matchAll(/@(\w+)/g)) expect(this.sets.has(set), rule).toBe(true);
    for (const [, target] of rule.matchAll(/(?:goto|jump) (\w+)/g)) expect(this.chains.has(target), rule).toBe(true);
  }

  /** Rules and elements that name a set (`@name`) or a chain. */
  private namesOf(name: string): string[] {
    const names = (text: string) => text.split(' ').includes(name);
    return [
      ...[...this.chains.values()].flatMap(({ rules }) => rules.filter(names)),
      ...[...this.sets.values()].flatMap(({ elements }) => [...elements.values()].filter(names)),
    ];
  }
}

/** What stands between the outermost braces. */
function inner(text: string): string {
  return text.slice(text.indexOf('{') + 1, text.lastIndexOf('}')).trim();
}
