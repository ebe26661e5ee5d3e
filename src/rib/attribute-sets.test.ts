import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AttributeSets } from './attribute-sets.ts';

/** A canonical block: ORIGIN, AS_PATH of one AS, NEXT_HOP, and an unknown attribute of the given size. */
function block(asn: number, hop: number, extra: number): Uint8Array {
  return Uint8Array.of(
    0x40,
    1,
    1,
    0,
    0x40,
    2,
    6,
    2,
    1,
    0,
    0,
    asn >> 8,
    asn & 255,
    0x40,
    3,
    4,
    192,
    0,
    2,
    hop,
    0xe0,
    99,
    extra,
    ...new Uint8Array(extra).fill(7),
  );
}

const blocks = fc
  .tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 200 }))
  .map((parts) => block(...parts));

describe('attribute sets', () => {
  it('are one for equal bytes, keep their bytes while others come and go, and end with the last reference', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), blocks), { maxLength: 400 }), (steps) => {
        const sets = new AttributeSets();
        const model = new Map<string, { id: number; refs: number }>();
        for (const [acquire, bytes] of steps) {
          const key = bytes.join();
          const known = model.get(key);
          if (acquire) {
            const id = sets.acquire(bytes, 0, bytes.length);
            if (known !== undefined && known.id !== id) throw new Error('another id for equal bytes');
            model.set(key, { id, refs: (known?.refs ?? 0) + 1 });
          } else if (known !== undefined) {
            sets.release(known.id);
            if (--known.refs === 0) model.delete(key);
          }
        }
        expect(sets.count).toBe(model.size);
        for (const [key, { id }] of model) {
          expect(sets.block(id).join()).toBe(key);
          expect(sets.nextHops.address[sets.nextHop[id]]).toBe(`192.0.2.${key.split(',')[19]}`);
        }
        expect(sets.bytesInUse).toBe([...model.keys()].reduce((sum, key) => sum + key.split(',').length, 0));
      }),
      { numRuns: 60 },
    );
  });

  it('gives the room of freed blocks back', () => {
    const sets = new AttributeSets();
    for (let round = 0; round < 3000; round++) {
      const bytes = block(1 + (round % 60_000), 1, 200);
      sets.release(sets.acquire(bytes, 0, bytes.length));
    }
    expect(sets.arena.length).toBeLessThan(100_000);
  });

  it('find room for a block that is longer than all that was freed', () => {
    const sets = new AttributeSets();
    const big = (asn: number, size: number): Uint8Array =>
      Uint8Array.of(...block(asn, 1, 0), 0xf0, 98, size >> 8, size & 255, ...new Uint8Array(size));
    const kept = big(1, 9000);
    const id = sets.acquire(kept, 0, kept.length);
    const freed = big(2, 6500);
    sets.release(sets.acquire(freed, 0, freed.length));
    const longest = big(3, 40_000);
    const other = sets.acquire(longest, 0, longest.length);
    expect([sets.block(id), sets.block(other)]).toEqual([kept, longest]);
  });

  it('are found by received bytes only in contexts where those are canonical', () => {
    const sets = new AttributeSets();
    const bytes = block(1, 1, 0);
    const id = sets.acquire(bytes, 0, bytes.length);
    expect(sets.find(bytes, 0, bytes.length, 1)).toBe(0);
    sets.markCanonical(id, 1);
    expect(sets.find(bytes, 0, bytes.length, 1)).toBe(id);
    expect(sets.find(bytes, 0, bytes.length, 2)).toBe(0);
  });
});
