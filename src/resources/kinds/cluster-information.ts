/** ClusterInformation: what Calico says of the cluster as a whole, in one object named `default`. */
import { z } from 'zod';
import { CALICO_API_VERSIONS, defineKind } from '../kind-definition.ts';
import type { Review } from '../kind-definition.ts';
import type { Metadata } from '../resource.ts';

export const CLUSTER_INFORMATION = defineKind({
  kind: 'ClusterInformation',
  apiVersions: CALICO_API_VERSIONS,
  schema: z.object({
    spec: z.object({
      /** E.g. `v3.31.2`; several versions run while the cluster is upgraded. */
      calicoVersion: z.string().optional(),
      /** What the cluster is made of, e.g. `k8s,bgp,kubeadm`. */
      clusterType: z.string().optional(),
      clusterGUID: z.string().optional(),
      /** False while the datastore is being migrated. */
      datastoreReady: z.boolean().optional(),
    }),
  }),
  reportUnknownFields: false,
  // The version decides who programs which routes: it must not be lost for another field.
  tolerates: () => true,
  review,
});

function review({ metadata: { name } }: { metadata: Metadata }): Review {
  const ignored = 'only the ClusterInformation named "default" has an effect';
  return name === 'default' ? { warnings: [] } : { ignored, warnings: [] };
}
