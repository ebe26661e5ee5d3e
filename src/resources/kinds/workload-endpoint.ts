/** WorkloadEndpoint: where a pod, virtual machine or the like meets its node. An orchestrator writes it. */
import { z } from 'zod';
import { salvageWorkload } from '../endpoint-salvage.ts';
import { CALICO_API_VERSIONS, defineKind } from '../kind-definition.ts';
import { endpointPort, net } from '../policy-rule.ts';
import { quickWorkloadEndpoint } from './quick-workload-endpoint.ts';

/** Items of lists that count one by one. */
const lists = {
  ipNetworks: net.refine((text) => /\/(32|128)$/.test(text), 'must be a single address'),
  ports: endpointPort.partial({ name: true }),
  allowSpoofedSourcePrefixes: net,
};

export const WORKLOAD_ENDPOINT = defineKind({
  kind: 'WorkloadEndpoint',
  apiVersions: CALICO_API_VERSIONS,
  schema: z.object({
    spec: z.object({
      orchestrator: z.string().optional(),
      node: z.string().min(1),
      pod: z.string().optional(),
      serviceAccountName: z.string().optional(),
      /** Its addresses, as prefixes of one address each. */
      ipNetworks: z.array(lists.ipNetworks).default([]),
      profiles: z.array(z.string()).default([]),
      interfaceName: z.string().min(1).max(15),
      ports: z.array(lists.ports).default([]),
      /** Further sources that its traffic may have. */
      allowSpoofedSourcePrefixes: z.array(lists.allowSpoofedSourcePrefixes).default([]),
    }),
  }),
  quick: quickWorkloadEndpoint,
  inNamespace: true,
  reportUnknownFields: false,
  salvage: (body) => salvageWorkload(body, lists),
});
