/**
 * Statements of nft's language about one table, each on a line of its own and free of line breaks, so that they may also stand in
 * one line with `;` between.
 */
import type { ChainDeclaration, SetDeclaration } from './table-writer.ts';

/** Elements that one statement names at most: more of them make it no faster, and few can be written without delaying others. */
const CHUNK = 1000;

/** Most bytes of a comment (NFTNL_UDATA_COMMENT_MAXLEN of libnftnl, with its final NUL). */
const LONGEST_COMMENT = 127;

/** Statements about the table of this name in the family inet. */
export class TableStatements {
  private readonly table: string;

  constructor(name: string) {
    this.table = `inet ${name}`;
  }

  /**
   * The table, empty whatever there was before. There has to be one before it can be deleted. The chains that are named are deleted before
   * all else: of a table that goes the kernel would ask base chains until the last, when their maps have no elements any more.
   */
  anew(first: readonly string[]): string {
    const chains = first.map((name) => `add chain ${this.table} ${name}\ndelete chain ${this.table} ${name}\n`);
    return `add table ${this.table}\n${chains.join('')}delete table ${this.table}\nadd table ${this.table}\n`;
  }

  addSet(name: string, { kind, body }: SetDeclaration): string {
    return `add ${kind} ${this.table} ${name} { ${body} }\n`;
  }

  deleteSet(name: string, { kind }: SetDeclaration): string {
    return `delete ${kind} ${this.table} ${name}\n`;
  }

  /**
   * Adds elements to a set that is there. This way nft reads only the names of tables before: for `add element` it would read all
   * intervals that any set of any table has, for a second where a firewall has 100,000 of them.
   */
  *addElements(
    name: string,
    declaration: SetDeclaration,
    elements: Iterable<readonly [string, string]>,
  ): Generator<string> {
    const { kind, body } = declaration;
    for (const chunk of chunks(elements, ([key, value]) => (value === '' ? key : `${key} : ${value}`))) {
      yield `add ${kind} ${this.table} ${name} { ${body} elements = { ${chunk} }; }\n`;
    }
  }

  *deleteElements(name: string, elements: Iterable<string>): Generator<string> {
    for (const chunk of chunks(elements, (key) => key)) yield `delete element ${this.table} ${name} { ${chunk} }\n`;
  }

  /** Without elements, of which nft reads none before. */
  flushSet(name: string, { kind }: SetDeclaration): string {
    return `flush ${kind} ${this.table} ${name}\n`;
  }

  addChain(name: string, { base, comment }: ChainDeclaration): string {
    const words = comment === undefined ? '' : ` comment "${commentText(comment)}";`;
    const header = base === undefined ? words : ` ${base}${words}`;
    return `add chain ${this.table} ${name}${header === '' ? '' : ` {${header} }`}\n`;
  }

  flushChain(name: string): string {
    return `flush chain ${this.table} ${name}\n`;
  }

  deleteChain(name: string): string {
    return `delete chain ${this.table} ${name}\n`;
  }

  addRules(name: string, { rules }: ChainDeclaration): string {
    return rules.map((rule) => `add rule ${this.table} ${name} ${rule}\n`).join('');
  }
}

/** `items` as text, with commas between, a number of them at a time. */
function* chunks<T>(items: Iterable<T>, text: (item: T) => string): Generator<string> {
  let chunk: string[] = [];
  for (const item of items) {
    chunk.push(text(item));
    if (chunk.length < CHUNK) continue;
    yield chunk.join(', ');
    chunk = [];
  }
  if (chunk.length > 0) yield chunk.join(', ');
}

/** Quotation marks cannot be escaped, and what is too long is refused. */
function commentText(comment: string): string {
  const plain = comment.replaceAll('"', "'").replaceAll(/[\s\\]+/g, ' ');
  let end = Math.min(plain.length, LONGEST_COMMENT);
  while (Buffer.byteLength(plain.slice(0, end)) > LONGEST_COMMENT) end--;
  return plain.slice(0, end);
}
