/** Weights of next hops from the bandwidths behind them (RFC 10005). */

/** Weight of the greatest bandwidth before weights are made as small as they can be: many shares of it are whole numbers. */
const FULL = 240;

/** Weights differ in their first six bits only, so that bandwidths within about 2 % of each other make no difference. */
const PRECISION = 64;

/**
 * Writes the weights for the first `count` bandwidths, 0 or more each, to `weights`: 1 to 255 in proportion, all 1 where all
 * are equal. Weights depend on the bandwidths alone, so that the same ones make the same group. Allocates nothing.
 */
export function weigh(bandwidths: Float64Array, weights: Uint8Array, count: number): void {
  let greatest = 0;
  for (let i = 0; i < count; i++) greatest = Math.max(greatest, bandwidths[i]);
  let divisor = 0;
  for (let i = 0; i < count; i++) {
    // A path that is offered without any bandwidth is as good as none, but no path is left out.
    weights[i] = greatest === 0 ? 1 : Math.max(1, rounded((FULL * bandwidths[i]) / greatest));
    divisor = commonDivisor(weights[i], divisor);
  }
  for (let i = 0; i < count; i++) weights[i] /= divisor;
}

/** To the next number of which only the first six bits are set. */
function rounded(weight: number): number {
  let step = 1;
  while (weight >= step * PRECISION) step *= 2;
  return Math.round(weight / step) * step;
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}
