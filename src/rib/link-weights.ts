/** Weights of next hops from the bandwidths behind them (RFC 10005). */

/** Weight of the greatest bandwidth: many shares of it are whole numbers. */
const FULL = 240;

/** Weights differ in their first six bits only, so that bandwidths within about 2 % of each other make no difference. */
const PRECISION = 64;

/**
 * Writes the weights for the first `count` bandwidths, 0 or more each, to `weights`: 1 to 240 in proportion, the greatest 240.
 * They depend on the bandwidths alone, so that the same ones make the same group. Allocates nothing.
 */
export function weigh(bandwidths: Float64Array, weights: Uint8Array, count: number): void {
  let greatest = 0;
  for (let i = 0; i < count; i++) greatest = Math.max(greatest, bandwidths[i]);
  for (let i = 0; i < count; i++) {
    // One without any bandwidth is hardly used, but no path is left out.
    weights[i] = greatest === 0 ? FULL : Math.max(1, rounded((FULL * bandwidths[i]) / greatest));
  }
}

/** To the next number of which only the first six bits are set. */
function rounded(weight: number): number {
  let step = 1;
  while (weight >= step * PRECISION) step *= 2;
  return Math.round(weight / step) * step;
}
