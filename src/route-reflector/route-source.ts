/** Where a route came from, as seen by this router: what RFC 4271 §9.2 and RFC 4456 §6 go by. */

/** Originated by this router: the resources or an operator want it. */
export const SOURCE_LOCAL = 0;
/** Originated by this router because the kernel has a route to a workload of this node. */
export const SOURCE_WORKLOAD = 1;
/** Originated by this router for services. */
export const SOURCE_SERVICE = 2;
export const SOURCE_EXTERNAL = 3;
export const SOURCE_INTERNAL = 4;
/** Learned from an iBGP peer that is a client of this route reflector. */
export const SOURCE_CLIENT = 5;

export type RouteSource =
  | typeof SOURCE_LOCAL
  | typeof SOURCE_WORKLOAD
  | typeof SOURCE_SERVICE
  | typeof SOURCE_EXTERNAL
  | typeof SOURCE_INTERNAL
  | typeof SOURCE_CLIENT;

/** Whether this router originates routes of that source. */
export function isOwn(source: RouteSource): boolean {
  return source <= SOURCE_SERVICE;
}
