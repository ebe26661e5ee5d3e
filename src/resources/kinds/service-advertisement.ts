/** ServiceAdvertisement: how the services that its `serviceSelector` picks are advertised, beyond what Calico has fields for. */
import { z } from 'zod';
import { community, selector } from '../fields.ts';
import { STARLING_API_VERSION, defineKind } from '../kind-definition.ts';

const uint32 = z.int().min(0).max(4294967295);

// The descriptions are what `kubectl explain` shows.
const spec = z
  .object({
    serviceSelector: selector.default('all()').describe('Picks Services by their labels. Without it all Services.'),
    namespaceSelector: selector.optional().describe('Picks Services by the labels of their Namespace.'),
    addresses: z
      .array(z.enum(['ClusterIP', 'ExternalIP', 'LoadBalancerIP']))
      .min(1)
      .optional()
      .describe('Which addresses of the Services are advertised.'),
    scope: z
      .enum(['Node', 'Zone', 'Cluster'])
      .optional()
      .describe('Whose ready endpoints decide: those of the node, of its zone, or of the cluster.'),
    others: z
      .enum(['Withdraw', 'Backup'])
      .optional()
      .describe('What nodes do in whose scope there are no ready endpoints. Not possible with scope Cluster.'),
    peerSelector: selector.optional().describe('Picks the peers that are told, as in PeerProfile. Without it all.'),
    communities: z.array(community).max(50).optional().describe('Communities of the routes: "aa:nn" or "aa:nn:mm".'),
    localPreference: uint32.optional().describe('LOCAL_PREF of the routes, for internal peers.'),
    med: uint32.optional().describe('MULTI_EXIT_DISC of the routes, for external peers.'),
    prepend: z.int().min(0).max(10).optional().describe('How many times the own AS is put before the path.'),
    aggregationLength: z.int().min(0).max(32).optional().describe('Length of the IPv4 prefixes that are advertised.'),
    aggregationLengthV6: z.int().min(0).max(128).optional().describe('Length of the IPv6 prefixes.'),
    weighted: z
      .boolean()
      .optional()
      .describe('Whether the bandwidth that is told follows the number of ready endpoints.'),
  })
  .refine(({ scope, others }) => others === undefined || scope !== 'Cluster', {
    path: ['others'],
    message: 'must not be set with scope Cluster, where there are no others',
  });

export const SERVICE_ADVERTISEMENT = defineKind({
  kind: 'ServiceAdvertisement',
  apiVersions: [STARLING_API_VERSION],
  schema: z.object({ spec }),
  reportUnknownFields: true,
  review: () => ({
    warnings: [
      { path: ['kind'], message: 'ServiceAdvertisement is not supported yet, and ignored', severity: 'warning' },
    ],
  }),
});
