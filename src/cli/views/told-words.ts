/** On which terms a peer was told a route to a service. */
import type { RouteEntry } from '../../api/route-types.ts';

/** Only what the terms of a service may set: the role, MED, LOCAL_PREF, AS path, communities. */
export function toldWords(role: 'primary' | 'backup' | null, told: RouteEntry): string {
  const { med, localPref, asPath, communities = [], extendedCommunities = [], largeCommunities = [] } = told;
  const all = [...communities, ...largeCommunities, ...extendedCommunities];
  return [
    ...(role === null ? [] : [`as ${role}`]),
    ...(med === undefined ? [] : [`MED ${med}`]),
    ...(localPref === undefined ? [] : [`LOCAL_PREF ${localPref}`]),
    ...(asPath === '' ? [] : [`AS path ${asPath}`]),
    ...(all.length === 0 ? [] : [`communities ${all.join(' ')}`]),
  ].join(', ');
}
