/** ServiceAdvertisement: how the services that its `serviceSelector` picks are advertised, beyond what Calico has fields for. */
import { z } from 'zod';
import { community, selector } from '../fields.ts';
import { STARLING_API_VERSION, defineKind } from '../kind-definition.ts';

const uint32 = z.int().min(0).max(4294967295);

const spec = z
  .object({
    /** Over the labels of the Services. */
    serviceSelector: selector.default('all()'),
    namespaceSelector: selector.optional(),
    addresses: z
      .array(z.enum(['ClusterIP', 'ExternalIP', 'LoadBalancerIP']))
      .min(1)
      .optional(),
    /** Whose ready endpoints decide: those of the node, of its zone, or of the cluster. */
    scope: z.enum(['Node', 'Zone', 'Cluster']).optional(),
    /** What the nodes do that have none. */
    others: z.enum(['Withdraw', 'Backup']).optional(),
    peerSelector: selector.optional(),
    communities: z.array(community).max(50).optional(),
    localPreference: uint32.optional(),
    med: uint32.optional(),
    /** How many times the own AS is put before the path. */
    prepend: z.int().min(0).max(10).optional(),
    aggregationLength: z.int().min(0).max(32).optional(),
    aggregationLengthV6: z.int().min(0).max(128).optional(),
    /** Whether the bandwidth that is told follows the number of ready endpoints. */
    weighted: z.boolean().optional(),
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
