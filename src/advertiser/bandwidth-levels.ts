/** What a node tells of its share of a service's endpoints: steps, so that few changes of their number tell anything anew. */

/**
 * That of 10 Mbit/s, in bytes per second: what one endpoint stands for. FRR keeps bandwidths as 32-bit numbers of bytes per
 * second, so that 1 Gbit/s for each of 35 endpoints would start from zero again.
 */
const BYTES_PER_ENDPOINT = 1_250_000;

/** A node without endpoints tells a tenth of one, because a bandwidth of nothing is one that is not known. */
const BYTES_WITHOUT = BYTES_PER_ENDPOINT / 10;

/**
 * The number of endpoints that `count` is taken for: 1 to 19 as they are, above that steps of a tenth. Depends on nothing
 * else, so that the same endpoints always give the same.
 */
export function bandwidthLevel(count: number): number {
  let level = Math.min(count, 10);
  while (next(level) <= count) level = next(level);
  return level;
}

function next(level: number): number {
  return level + Math.max(1, Math.floor(level / 10));
}

/** Bandwidth that a node with so many ready endpoints tells, in bytes per second. */
export function bandwidthOf(count: number): number {
  return count === 0 ? BYTES_WITHOUT : bandwidthLevel(count) * BYTES_PER_ENDPOINT;
}
