/**
 * LOCAL_PREF as nodes of a cluster use it. Calico from v3.32 on tells the metric that a route has in the kernel, as
 * 2147483647 minus the metric; before, and everywhere else, LOCAL_PREF is a plain number, 100 where nobody said otherwise.
 * Both kinds compare here on one scale, on which 100 and the metric of a normal route are equal.
 */

/** LOCAL_PREF of routes that carry none, as every implementation has it. */
export const DEFAULT_LOCAL_PREF = 100;

/** The metric of a route that is neither preferred nor avoided, unless the cluster says otherwise (Calico). */
export const DEFAULT_NORMAL_METRIC = 1024;

/** LOCAL_PREF of the metric 0. */
const ENCODING_BASE = 2_147_483_647;

/** From here on a LOCAL_PREF is taken for an encoded metric: nobody counts that far by hand. */
const LEAST_ENCODED = 2 ** 30;

/** What LOCAL_PREF is to a peer: an encoded metric or a plain number. */
export type LocalPrefScale = 'metric' | 'plain';

/** Whether a LOCAL_PREF stands for a metric. */
export function isEncodedMetric(localPref: number): boolean {
  return localPref >= LEAST_ENCODED && localPref < ENCODING_BASE;
}

/**
 * A LOCAL_PREF on the one scale, as a plain number; may be negative. `normal` is the metric that 100 stands for. 0 is worse than
 * any metric: it says that a route is to be used only where there is no other (RFC 8326 §4).
 */
export function degreeOfPreference(localPref: number, normal: number): number {
  if (localPref === 0) return -ENCODING_BASE;
  return isEncodedMetric(localPref) ? DEFAULT_LOCAL_PREF + normal - ENCODING_BASE + localPref : localPref;
}

/** A LOCAL_PREF on the one scale, as a metric; may be negative. */
export function metricOf(localPref: number, normal: number): number {
  return isEncodedMetric(localPref) ? ENCODING_BASE - localPref : DEFAULT_LOCAL_PREF + normal - localPref;
}

/** The LOCAL_PREF that stands for a metric. Those beyond 2^30 - 1 would look like plain numbers, and stand for that one. */
export function encodeMetric(metric: number): number {
  return ENCODING_BASE - Math.min(Math.max(metric, 1), LEAST_ENCODED - 1);
}

/** The LOCAL_PREF of a route as a peer with this scale is to be told it. 0 is the least on both. */
export function toScale(localPref: number, scale: LocalPrefScale, normal: number): number {
  if (localPref === 0) return 0;
  if (isEncodedMetric(localPref) === (scale === 'metric')) return localPref;
  if (scale === 'metric') return encodeMetric(metricOf(localPref, normal));
  return Math.min(Math.max(degreeOfPreference(localPref, normal), 1), LEAST_ENCODED - 1);
}
