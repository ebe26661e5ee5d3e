/** The JSON shapes of services: what is advertised for each, on which terms, to whom. See `types.ts` for the conventions. */
import { z } from 'zod';
import { routeEntry, serviceRole } from './route-types.ts';
import { serviceAddress } from './service-address-types.ts';

const count = z.int().nonnegative();

const service = {
  namespace: z.string(),
  name: z.string(),
  type: z.string().describe('`ClusterIP`, `NodePort`, `LoadBalancer`, `ExternalName`.'),
  advertised: z.boolean().describe('Whether peers are to be told of one of its addresses at least.'),
};

export const serviceSummary = z.object({ ...service, addresses: z.array(serviceAddress) }).meta({ id: 'Service' });
export interface ServiceReport extends z.infer<typeof serviceSummary> {}

export const serviceAudience = z
  .object({
    peer: z.string(),
    name: z.string().nullable(),
    advertised: z.boolean().describe('Whether the peer was told the route (Adj-RIB-Out).'),
    role: serviceRole.nullable().describe('On which terms; null: a plain route, or not told.'),
    told: routeEntry.nullable().describe('The route as the peer was told it; null: it was not.'),
    why: z.string().describe('Which rule let it through, or why not.'),
  })
  .meta({ id: 'ServiceAudience' });
export interface ServiceAudience extends z.infer<typeof serviceAudience> {}

const endpointCount = z.object({
  ready: count,
  serving: count.describe('Those that are not ready any more: terminating, and still serving.'),
  all: count,
});

export const serviceExplanation = z
  .object({
    ...service,
    addresses: z.array(
      serviceAddress.extend({
        peers: z.array(serviceAudience).describe('All peers, where the address has a route; else none.'),
      }),
    ),
    endpoints: z
      .array(
        z.object({
          family: z.enum(['IPv4', 'IPv6']),
          here: endpointCount.describe('On this node.'),
          zone: endpointCount.describe('In the zone of this node.'),
          cluster: endpointCount,
        }),
      )
      .describe('Endpoints by where they are.'),
    rules: z
      .array(z.object({ rule: z.string(), applies: z.boolean(), words: z.string() }))
      .describe('What was looked at, in order.'),
    merged: z.array(z.string()).describe('How several that pick the service were merged, a sentence each.'),
  })
  .meta({ id: 'ServiceExplanation' });
export interface ServiceExplanationReport extends z.infer<typeof serviceExplanation> {}
