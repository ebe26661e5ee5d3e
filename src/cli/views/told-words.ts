/** On which terms a peer was told a route to a service. */
import type { RouteEntry, ServiceRole } from '../../api/route-types.ts';
import { formatBandwidth } from '../../net/bandwidth.ts';

/** As extended communities are written: the AS, and bytes per second. */
const LINK_BANDWIDTH = /^link-bandwidth:\d+:([\d.e+]+)$/;

/** Only what the terms of a service may set: the role, MED, LOCAL_PREF, AS path, communities, bandwidth. */
export function toldWords(role: ServiceRole | null, told: RouteEntry): string {
  const { med, localPref, asPath, communities = [], extendedCommunities = [], largeCommunities = [] } = told;
  const bandwidths = extendedCommunities.flatMap((text) => LINK_BANDWIDTH.exec(text)?.[1] ?? []);
  const others = extendedCommunities.filter((text) => !LINK_BANDWIDTH.test(text));
  const all = [...communities, ...largeCommunities, ...others];
  return [
    ...(role === null ? [] : [`as ${role}`]),
    ...(med === undefined ? [] : [`MED ${med}`]),
    ...(localPref === undefined ? [] : [`LOCAL_PREF ${localPref}`]),
    ...(asPath === '' ? [] : [`AS path ${asPath}`]),
    ...(all.length === 0 ? [] : [`communities ${all.join(' ')}`]),
    ...bandwidths.map((bytes) => `bandwidth ${formatBandwidth(Number(bytes))}`),
  ].join(', ');
}
