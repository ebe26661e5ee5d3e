/** Prefixes by what lies within what: a binary tree in which paths without branches are one step. */
import { IPV4_UNICAST } from '../net/family.ts';
import { parsePrefix, prefixContains, wordMask } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';

interface Node {
  readonly prefix: Prefix;
  /** The prefix as it was added; undefined where the tree only branches. */
  text: string | undefined;
  /** What lies within the prefix, by the first bit that follows it. */
  readonly children: [Node | undefined, Node | undefined];
}

/** Prefixes are canonical text, such as `10.0.0.0/8`; where only an address is sought, the bare address will do. */
export class PrefixTree {
  readonly #roots: Record<'4' | '6', Node> = {
    '4': branch(parsePrefix('0.0.0.0/0')),
    '6': branch(parsePrefix('::/0')),
  };

  add(text: string): void {
    const prefix = parsePrefix(text);
    let node = this.#root(prefix);
    while (node.prefix.length < prefix.length) {
      const side = bitAt(prefix, node.prefix.length);
      const child = node.children[side];
      if (child === undefined || !prefixContains(child.prefix, prefix)) {
        const added = child === undefined ? branch(prefix) : fork(child, prefix);
        node.children[side] = added;
        node = added;
      } else node = child;
    }
    node.text = text;
  }

  remove(text: string): void {
    const path = this.#path(parsePrefix(text));
    const node = path.pop();
    if (node?.text !== text) return;
    node.text = undefined;
    // What neither holds anything nor branches is passed over; the roots stay.
    for (let below = node, above = path.pop(); above !== undefined; below = above, above = path.pop()) {
      if (below.text !== undefined || (below.children[0] !== undefined && below.children[1] !== undefined)) return;
      above.children[above.children[0] === below ? 0 : 1] = below.children[0] ?? below.children[1];
    }
  }

  /** All that the address or prefix lies in, the widest first; itself too, where it is there. */
  containing(text: string): readonly string[] {
    return this.#path(parsePrefix(text)).flatMap((node) => node.text ?? []);
  }

  /** The widest of what lies within the prefix, but is not the prefix, for which `wanted` holds. */
  widestWithin(text: string, wanted: (text: string) => boolean): readonly string[] {
    const prefix = parsePrefix(text);
    const found: string[] = [];
    const pending: (Node | undefined)[] = [this.#root(prefix)];
    for (let node = pending.pop(); node !== undefined || pending.length > 0; node = pending.pop()) {
      if (node === undefined) continue;
      if (node.prefix.length <= prefix.length) {
        // On the way to it, or it.
        if (!prefixContains(node.prefix, prefix)) continue;
        if (node.prefix.length === prefix.length) pending.push(...node.children);
        else pending.push(node.children[bitAt(prefix, node.prefix.length)]);
      } else if (!prefixContains(prefix, node.prefix)) continue;
      else if (node.text !== undefined && wanted(node.text)) found.push(node.text);
      else pending.push(...node.children);
    }
    return found;
  }

  #root({ family }: Prefix): Node {
    return this.#roots[family === IPV4_UNICAST ? '4' : '6'];
  }

  /** From the root to the last node that contains the prefix. */
  #path(prefix: Prefix): Node[] {
    const path: Node[] = [];
    let node: Node | undefined = this.#root(prefix);
    while (node !== undefined && prefixContains(node.prefix, prefix)) {
      path.push(node);
      if (node.prefix.length === prefix.length) break;
      node = node.children[bitAt(prefix, node.prefix.length)];
    }
    return path;
  }
}

function branch(prefix: Prefix): Node {
  return { prefix, text: undefined, children: [undefined, undefined] };
}

/** A node for what `child` and `prefix` have in common, above the child. */
function fork(child: Node, prefix: Prefix): Node {
  const length = commonLength(child.prefix, prefix);
  const [a0, a1, a2, a3] = prefix.words;
  const node = branch({
    family: prefix.family,
    words: [
      (a0 & wordMask(length)) >>> 0,
      (a1 & wordMask(length - 32)) >>> 0,
      (a2 & wordMask(length - 64)) >>> 0,
      (a3 & wordMask(length - 96)) >>> 0,
    ],
    length,
  });
  node.children[bitAt(child.prefix, length)] = child;
  return node;
}

function commonLength(a: Prefix, b: Prefix): number {
  const longest = Math.min(a.length, b.length);
  for (let word = 0; word < 4; word++) {
    const different = a.words[word] ^ b.words[word];
    if (different !== 0) return Math.min(longest, word * 32 + Math.clz32(different));
  }
  return longest;
}

function bitAt(prefix: Prefix, at: number): 0 | 1 {
  return ((prefix.words[at >>> 5] >>> (31 - (at & 31))) & 1) === 1 ? 1 : 0;
}
