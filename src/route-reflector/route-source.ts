/** Where a route came from, as seen by this router: what RFC 4271 §9.2 and RFC 4456 §6 go by. */

export const SOURCE_LOCAL = 0;
export const SOURCE_EXTERNAL = 1;
export const SOURCE_INTERNAL = 2;
/** Learned from an iBGP peer that is a client of this route reflector. */
export const SOURCE_CLIENT = 3;

export type RouteSource = typeof SOURCE_LOCAL | typeof SOURCE_EXTERNAL | typeof SOURCE_INTERNAL | typeof SOURCE_CLIENT;
