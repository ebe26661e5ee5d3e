import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { weigh } from './link-weights.ts';

function weightsOf(...bandwidths: readonly number[]): number[] {
  const weights = new Uint8Array(bandwidths.length);
  weigh(Float64Array.from(bandwidths), weights, bandwidths.length);
  return [...weights];
}

describe('weights of next hops', () => {
  it.each<[bandwidths: readonly number[], weights: readonly number[]]>([
    [
      [125e6, 125e6, 125e6],
      [240, 240, 240],
    ],
    [
      [125e6, 250e6],
      [120, 240],
    ],
    [
      [10e9, 40e9, 100e9],
      [24, 96, 240],
    ],
    [
      [1, 3, 4],
      [60, 180, 240],
    ],
    [
      [0, 0],
      [240, 240],
    ],
    [
      [0, 125e6],
      [1, 240],
    ],
    [
      [1, 1e9],
      [1, 240],
    ],
    // Less of a difference than is told apart.
    [
      [125e6, 126e6],
      [240, 240],
    ],
  ])('of bandwidths %j are %j', (bandwidths, weights) => {
    expect(weightsOf(...bandwidths)).toEqual(weights);
  });

  it('are in proportion, from 1 to 240, whatever the order', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 2, maxLength: 8 }), (bandwidths) => {
        const weights = weightsOf(...bandwidths);
        const greatest = Math.max(...bandwidths);
        for (const [i, weight] of weights.entries()) {
          expect(weight >= 1 && weight <= 240).toBe(true);
          const share = bandwidths[i] / greatest;
          expect(Math.abs(weight / 240 - share)).toBeLessThan(0.02 * share + 1 / 240);
        }
        expect(weightsOf(...bandwidths.toReversed())).toEqual(weights.toReversed());
      }),
      { numRuns: 200 },
    );
  });
});
