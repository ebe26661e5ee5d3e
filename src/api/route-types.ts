/** The JSON shapes of routes: in the RIB, in the kernel, and explained. See `types.ts` for the conventions. */
import { z } from 'zod';
import { serviceAddress } from './service-address-types.ts';
import { familyName, pastTimestamp } from './types.ts';

const count = z.int().nonnegative();

export const routeView = z.enum(['best', 'received', 'accepted', 'rejected', 'advertised']);
export type RouteViewName = z.infer<typeof routeView>;

export const prefixMatch = z.enum(['exact', 'longer', 'shorter']);
export type PrefixMatch = z.infer<typeof prefixMatch>;

export const serviceRole = z.enum(['primary', 'backup']);
export type ServiceRole = z.infer<typeof serviceRole>;

export const routeEntry = z
  .object({
    prefix: z.string(),
    family: familyName,
    nextHop: z.string().nullable().describe('null: this node itself.'),
    asPath: z.string().describe('As people write it: `64512 64513 {1,2}`; empty for a local route.'),
    origin: z.enum(['igp', 'egp', 'incomplete']),
    med: count.optional(),
    localPref: count.optional(),
    communities: z.array(z.string()).optional().describe('RFC 1997, `64512:100` or a well-known name.'),
    extendedCommunities: z.array(z.string()).optional().describe('RFC 4360 and RFC 5701.'),
    largeCommunities: z.array(z.string()).optional().describe('RFC 8092, `64512:1:2`.'),
    originatorId: z.string().optional(),
    clusterList: z.array(z.string()).optional(),
    otherAttributes: z.array(z.string()).optional().describe('Everything else, in words.'),
    peer: z.string().nullable().describe('Peer it was learned from (`advertised`: sent to); null: originated here.'),
    source: z.enum(['local', 'external', 'internal', 'client']),
    origination: z
      .enum(['local', 'workload', 'service'])
      .optional()
      .describe('Of routes that are originated here: for a workload, for a service, or `local` for all else.'),
    pathId: count
      .optional()
      .describe('Identifier of the path (RFC 7911): of the peer, or for the peer where advertised.'),
    best: z.boolean(),
    multipath: z.boolean().describe('Used for forwarding together with the best path.'),
    stale: z.boolean().optional().describe('Kept while its peer restarts (RFC 4724).'),
    received: pastTimestamp.optional().describe('When the route was last received, where known.'),
    rejectedReason: z.string().optional().describe('View `rejected`: which filter or check said no.'),
  })
  .meta({ id: 'Route' });
export interface RouteEntry extends z.infer<typeof routeEntry> {}

export const routeExplanation = z
  .object({
    query: z.string(),
    match: z.string().nullable().describe('The longest prefix that covers the query and has a route.'),
    candidates: z
      .array(
        z.object({
          route: routeEntry,
          peer: z.string().nullable().describe('null: originated here.'),
          outcome: z.enum(['best', 'multipath', 'lost', 'ineligible', 'rejected']),
          step: z.string().nullable().describe('Step of the best-path selection at which it lost.'),
          words: z.string(),
        }),
      )
      .describe('Best first.'),
    advertisedTo: z.array(
      z.object({
        peer: z.string(),
        name: z.string().nullable(),
        advertised: z.boolean(),
        role: serviceRole
          .nullable()
          .optional()
          .describe('Own routes to services: on which terms; null: a plain route, or not told.'),
        told: routeEntry.optional().describe('Own routes to services: the route as the peer was told it.'),
        why: z.string().describe('Which rule let it through, or why not.'),
      }),
    ),
    services: z
      .array(serviceAddress.extend({ namespace: z.string(), name: z.string() }))
      .describe('Where an address was asked for: the services that have it, and what becomes of it here.'),
    fib: z
      .object({
        wanted: z.array(z.string()).describe('Next hops the kernel should have, with weights where these differ.'),
        installed: z.array(z.string()).describe('Next hops the kernel has.'),
        words: z.string(),
        notes: z.array(z.string()).describe('How each next hop resolves, what is left out and why.'),
        programming: z.string().nullable().describe('The rule by which it is, or is not, programmed here.'),
      })
      .nullable(),
  })
  .meta({ id: 'RouteExplanation' });
export interface RouteExplanation extends z.infer<typeof routeExplanation> {}

export const fibEntry = z
  .object({
    prefix: z.string(),
    family: familyName,
    nextHops: z.array(
      z.object({
        address: z.string().nullable(),
        interface: z.string().nullable(),
        weight: count.describe('1 or more.'),
      }),
    ),
    state: z.enum(['installed', 'pending', 'failed']),
    wanted: z.array(z.string()).describe('What the kernel should have, a line a next hop; empty: no route.'),
    installed: z.array(z.string()).describe('What it has, in the same words; empty: no route.'),
    difference: z
      .enum(['missing', 'extra', 'differs', 'failed'])
      .nullable()
      .describe('How the kernel differs from what it should have; `failed`: it refused. null: it does not.'),
    error: z.string().nullable().describe('What the kernel said, in words.'),
    retrySeconds: z.number().nullable().describe('In how many seconds a refused route is tried again.'),
    notes: z.array(z.string()).describe('How each next hop resolves, what is left out and why.'),
    why: z
      .object({
        paths: z
          .array(z.object({ peer: z.string().nullable(), nextHop: z.string().nullable(), words: z.string() }))
          .describe('Paths that chose it, the best first; peer null: originated here.'),
        programming: z.string().nullable().describe('The rule by which it is, or is not, programmed here.'),
      })
      .optional()
      .describe('With `why`.'),
  })
  .meta({ id: 'FibEntry' });
export interface FibEntry extends z.infer<typeof fibEntry> {}
