/**
 * COMMUNITIES (RFC 1997) and its well-known values (IANA "BGP Well-known Communities").
 */

export const COMMUNITY_GRACEFUL_SHUTDOWN = 0xffff0000;
export const COMMUNITY_LLGR_STALE = 0xffff0006;
export const COMMUNITY_NO_LLGR = 0xffff0007;
export const COMMUNITY_BLACKHOLE = 0xffff029a;
export const COMMUNITY_NO_EXPORT = 0xffffff01;
export const COMMUNITY_NO_ADVERTISE = 0xffffff02;
export const COMMUNITY_NO_EXPORT_SUBCONFED = 0xffffff03;

const COMMUNITY_NAMES: ReadonlyMap<number, string> = new Map([
  [COMMUNITY_GRACEFUL_SHUTDOWN, 'graceful-shutdown'],
  [0xffff0001, 'accept-own'],
  [COMMUNITY_LLGR_STALE, 'llgr-stale'],
  [COMMUNITY_NO_LLGR, 'no-llgr'],
  [COMMUNITY_BLACKHOLE, 'blackhole'],
  [COMMUNITY_NO_EXPORT, 'no-export'],
  [COMMUNITY_NO_ADVERTISE, 'no-advertise'],
  [COMMUNITY_NO_EXPORT_SUBCONFED, 'no-export-subconfed'],
  [0xffffff04, 'no-peer'],
]);

const COMMUNITIES_BY_NAME: ReadonlyMap<string, number> = new Map(
  [...COMMUNITY_NAMES].map(([community, name]) => [name, community]),
);

/** A community as text: the name of a well-known one, else `65001:100`. */
export function formatCommunity(community: number): string {
  return COMMUNITY_NAMES.get(community) ?? `${community >>> 16}:${community & 0xffff}`;
}

/** The community that {@link formatCommunity} writes so, or undefined; the numbers of a well-known one are taken too. */
export function parseCommunity(text: string): number | undefined {
  const named = COMMUNITIES_BY_NAME.get(text);
  if (named !== undefined) return named;
  const match = /^(\d{1,5}):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const [high, low] = [Number(match[1]), Number(match[2])];
  return high > 0xffff || low > 0xffff ? undefined : ((high << 16) | low) >>> 0;
}
