/** ServiceAdvertisement: how the services that its `serviceSelector` picks are advertised, beyond what Calico has fields for. */
import { z } from 'zod';
import { community, duration, labelKey, selector } from '../fields.ts';
import { STARLING_API_VERSION, defineKind } from '../kind-definition.ts';
import type { Review } from '../kind-definition.ts';
import type { Immutable, Problem } from '../resource.ts';

const uint32 = z.int().min(0).max(4294967295);
const communities = z.array(community).max(50).optional();
const prepend = z.int().min(0).max(10).optional();

// The descriptions are what `kubectl explain` shows.

const backup = z
  .object({
    communities: communities.describe('Communities of backup routes, beside those of the others.'),
    localPreference: uint32.optional().describe('LOCAL_PREF of backup routes. Without it half of the others.'),
    med: uint32.optional().describe('MULTI_EXIT_DISC of backup routes. Without it 100 more than that of the others.'),
    prepend: prepend.describe('How many times the own AS is put before the path. Without it 3 times more.'),
  })
  .describe('How the routes of nodes differ that advertise only as a backup.');

const spec = z
  .object({
    serviceSelector: selector.default('all()').describe('Picks Services by their labels. Without it all Services.'),
    namespaceSelector: selector.optional().describe('Picks Services by the labels of their Namespace.'),
    addresses: z
      .array(z.enum(['ClusterIP', 'ExternalIP', 'LoadBalancerIP']))
      .min(1)
      .optional()
      .describe(
        'Which addresses of the Services are advertised. Without it those that BGPConfiguration has ranges for. ' +
          'External IPs are advertised inside serviceExternalIPs only.',
      ),
    scope: z
      .enum(['Node', 'Zone', 'Cluster'])
      .optional()
      .describe(
        'Whose ready endpoints decide: those of the node, of its zone, or of the cluster. Without it what the traffic ' +
          'policy and trafficDistribution of the Service ask for.',
      ),
    topologyKey: labelKey
      .optional()
      .describe('A label of nodes: those with the same value are a zone. Without it topology.kubernetes.io/zone.'),
    others: z
      .enum(['Withdraw', 'Backup'])
      .optional()
      .describe('What nodes do in whose scope there are no ready endpoints. Not possible with scope Cluster.'),
    backup: backup.optional(),
    peerSelector: selector.optional().describe('Picks the peers that are told, as in PeerProfile. Without it all.'),
    communities: communities.describe('Communities of the routes: "aa:nn" or "aa:nn:mm".'),
    localPreference: uint32.optional().describe('LOCAL_PREF of the routes, for internal peers.'),
    med: uint32.optional().describe('MULTI_EXIT_DISC of the routes, for external peers.'),
    prepend: prepend.describe('How many times the own AS is put before the path, for external peers.'),
    // A prefix of no length would be a default route.
    aggregationLength: z.int().min(1).max(32).optional().describe('Length of the IPv4 prefixes that are advertised.'),
    aggregationLengthV6: z.int().min(1).max(128).optional().describe('Length of the IPv6 prefixes.'),
    weighted: z
      .boolean()
      .optional()
      .describe('Whether the bandwidth that is told follows the number of ready endpoints of the node.'),
    withdrawDelay: duration.optional().describe('How long a withdrawal is put off, in case the route comes back.'),
  })
  .refine(({ scope, others }) => others === undefined || scope !== 'Cluster', {
    path: ['others'],
    message: 'must not be set with scope Cluster, where there are no others',
  });

type Spec = Immutable<z.output<typeof spec>>;

export const SERVICE_ADVERTISEMENT = defineKind({
  kind: 'ServiceAdvertisement',
  apiVersions: [STARLING_API_VERSION],
  schema: z.object({ spec }),
  reportUnknownFields: true,
  review,
});

/** Fields that say something only beside others. */
function review({ spec }: { spec: Spec }): Review {
  const warnings: Problem[] = [];
  const without = (field: string, message: string) =>
    warnings.push({ path: ['spec', field], message, severity: 'warning' });
  if (spec.backup !== undefined && spec.scope !== undefined && spec.others !== 'Backup') {
    without('backup', 'has no effect without others Backup');
  }
  if (spec.topologyKey !== undefined && spec.scope !== undefined && spec.scope !== 'Zone') {
    without('topologyKey', `has no effect with scope ${spec.scope}`);
  }
  return { warnings };
}
