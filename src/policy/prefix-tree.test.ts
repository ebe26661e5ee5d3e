import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatPrefix, parsePrefix, prefixContains } from '../net/prefix.ts';
import { PrefixTree } from './prefix-tree.ts';

const v4 = fc
  .tuple(fc.constantFrom('10.0.0.0', '10.1.2.3', '10.128.0.1', '192.0.2.7'), fc.integer({ min: 1, max: 32 }))
  .map(([address, length]) => formatPrefix(parsePrefix(`${address}/${length}`)));
const v6 = fc
  .tuple(fc.constantFrom('fd00::', 'fd00:0:0:1::', 'fd00::1'), fc.constantFrom(1, 8, 48, 63, 64, 65, 127, 128))
  .map(([address, length]) => formatPrefix(parsePrefix(`${address}/${length}`)));

const contains = (outer: string, inner: string) => prefixContains(parsePrefix(outer), parsePrefix(inner));

/** Those of a list that lie in no other of it. */
function widest(texts: readonly string[]): string[] {
  return texts.filter((text) => !texts.some((other) => other !== text && contains(other, text)));
}

describe('PrefixTree', () => {
  it('knows what lies within what, whatever came and went', () => {
    const step = fc.tuple(fc.boolean(), fc.oneof(v4, v6));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.oneof(v4, v6), (steps, sought) => {
        const tree = new PrefixTree();
        const held = new Set<string>();
        for (const [added, text] of steps) {
          if (added) tree.add(text);
          else tree.remove(text);
          if (added) held.add(text);
          else held.delete(text);
        }
        const around = [...held].filter((text) => contains(text, sought));
        expect([...tree.containing(sought)].toSorted()).toEqual(around.toSorted());
        const odd = (text: string) => text.length % 2 === 1;
        const within = widest([...held].filter((text) => text !== sought && contains(sought, text) && odd(text)));
        expect([...tree.widestWithin(sought, odd)].toSorted()).toEqual(within.toSorted());
      }),
      { numRuns: 200 },
    );
  });

  it('finds the prefixes of an address, the widest first', () => {
    const tree = new PrefixTree();
    for (const text of ['10.1.0.0/16', '10.0.0.0/8', 'fd00::/8', '11.0.0.0/8']) tree.add(text);
    expect(tree.containing('10.1.2.3')).toEqual(['10.0.0.0/8', '10.1.0.0/16']);
    expect(tree.containing('fd00::1')).toEqual(['fd00::/8']);
    expect(tree.containing('9.0.0.1')).toEqual([]);
  });
});
