/** Bandwidths of links in words. */

/** A bandwidth in bytes per second, as routes have it, in Mbit/s or from 1 Gbit/s on in Gbit/s, with three digits that count. */
export function formatBandwidth(bytesPerSecond: number): string {
  const bits = Number((bytesPerSecond * 8).toPrecision(3));
  return bits < 1e9 ? `${bits / 1e6} Mbit/s` : `${bits / 1e9} Gbit/s`;
}
