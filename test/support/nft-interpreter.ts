/**
 * A small model of the kernel's packet filter: takes the statements of nft's language that tables are written with, and refuses,
 * as the kernel does, what names something that is not there, deletes what is in use, or adds what is there with another content.
 */
import assert from 'node:assert/strict';

interface SetContents {
  readonly header: string;
  readonly elements: Map<string, string>;
}

interface ChainContents {
  readonly header: string;
  rules: string[];
}

/** Contents of the table. */
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
      [...this.sets].map(([name, set]) => [name, { ...set, elements: new Map(set.elements) }]),
    );
    return { sets, chains: Object.fromEntries(this.chains) };
  }

  private statement(line: string): void {
    const [, verb, kind, rest] = /^(\w+) (\w+) (.*)$/.exec(line) ?? [];
    assert.ok(rest.startsWith(this.table), line);
    const [name = '', ...words] = rest.slice(this.table.length + 1).split(' ');
    const more = words.join(' ');
    if (kind === 'table') return this.tableStatement(verb);
    assert.ok(this.there, line);
    switch (`${verb} ${kind}`) {
      case 'add set':
      case 'add map':
        return this.addSet(kind, name, more);
      case 'delete set':
      case 'delete map':
        assert.ok(this.sets.get(name)?.header.startsWith(kind), line);
        assert.deepEqual(this.namesOf(`@${name}`), [], line);
        return void this.sets.delete(name);
      case 'delete element':
        for (const element of inner(more).split(', ')) assert.ok(this.sets.get(name)?.elements.delete(element), line);
        return;
      case 'flush set':
      case 'flush map':
        assert.ok(this.sets.get(name)?.header.startsWith(kind), line);
        return this.sets.get(name)!.elements.clear();
      case 'add chain':
        assert.ok(!this.chains.has(name), line);
        return void this.chains.set(name, { header: more, rules: [] });
      case 'flush chain':
        assert.ok(this.chains.has(name), line);
        this.chains.get(name)!.rules = [];
        return;
      case 'delete chain':
        assert.deepEqual(this.chains.get(name)?.rules, [], line);
        assert.deepEqual(this.namesOf(name), [], line);
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
      assert.ok(this.there);
      this.sets = new Map();
      this.chains = new Map();
    }
    this.there = verb === 'add';
  }

  private addSet(kind: string, name: string, more: string): void {
    const [body, elements] = inner(more).split(/ ?elements = /);
    const header = `${kind} ${body}`;
    const set = this.sets.get(name) ?? { header, elements: new Map<string, string>() };
    assert.equal(set.header, header);
    this.sets.set(name, set);
    if (elements === undefined) return;
    for (const element of inner(elements.replace(/;$/, '')).split(', ')) {
      const [key, value = ''] = element.split(' : ');
      assert.equal(set.elements.get(key) ?? value, value, element);
      for (const [, target] of value.matchAll(/goto (\w+)/g)) assert.ok(this.chains.has(target), element);
      set.elements.set(key, value);
    }
  }

  private checkNames(chain: string, rule: string): void {
    assert.ok(this.chains.has(chain), rule);
    for (const [, set] of rule.matchAll(/@(\w+)/g)) assert.ok(this.sets.has(set), rule);
    for (const [, target] of rule.matchAll(/(?:goto|jump) (\w+)/g)) assert.ok(this.chains.has(target), rule);
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
