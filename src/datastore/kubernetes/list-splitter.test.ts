import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ListSplitter } from './list-splitter.ts';

/** What comes of a text that is cut at these places. */
function split(text: string, cuts: readonly number[]): { items: unknown[]; rest: unknown } {
  const splitter = new ListSplitter(1e6);
  const bytes = Buffer.from(text);
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  const items = places.slice(1).flatMap((to, i) => splitter.push(bytes.subarray(places[i], to)));
  return { items: items.map((item): unknown => JSON.parse(item.toString())), rest: JSON.parse(splitter.rest) };
}

const objects = fc.array(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 }), { maxLength: 5 });

describe('a list that comes in pieces', () => {
  it('is the same as in one, whatever is in it and in whatever order', () => {
    fc.assert(
      fc.property(objects, fc.jsonValue(), fc.nat(2), fc.boolean(), fc.array(fc.nat(), { maxLength: 8 }), (...all) => {
        const [items, other, space, isFirst, cuts] = all;
        const metadata = { resourceVersion: '7', items: [other, '"items":['], other };
        const list = isFirst ? { items, kind: 'L', metadata } : { kind: '"items":[', metadata, items };
        expect(split(JSON.stringify(list, null, space), cuts)).toEqual({
          items: JSON.parse(JSON.stringify(items)),
          rest: JSON.parse(JSON.stringify({ ...list, items: [] })),
        });
      }),
      { numRuns: 200 },
    );
  });

  it('has no end before it has come to its end', () => {
    const splitter = new ListSplitter(100);
    expect(splitter.push(Buffer.from('{"metadata":{},"items":[{"a":1},{"b"')).map(String)).toEqual(['{"a":1}']);
    expect(() => JSON.parse(splitter.rest)).toThrow(SyntaxError);
    expect(splitter.push(Buffer.from(':2}]}')).map(String)).toEqual(['{"b":2}']);
    expect(splitter.rest).toBe('{"metadata":{},"items":[]}');
  });

  it('may have no items at all', () => {
    expect(split('{"metadata":{},"items":null}', [])).toEqual({ items: [], rest: { metadata: {}, items: null } });
    expect(split('{"items": [\n]}', [])).toEqual({ items: [], rest: { items: [] } });
  });

  it('does not grow for ever', () => {
    expect(() => new ListSplitter(10).push(Buffer.from('{"items":[{"a":"0123456789'))).toThrow(
      'an object of more than 10 bytes',
    );
  });
});
