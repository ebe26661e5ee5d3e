/** WorkloadEndpoint: where a pod, virtual machine or the like meets its node. An orchestrator writes it. */
import { z } from 'zod';
import { emptyAsUnset, ipAddress, ipv4Address, ipv6Address } from '../fields.ts';
import { salvageWorkload } from '../endpoint-salvage.ts';
import { CALICO_API_VERSIONS, defineKind } from '../kind-definition.ts';
import { endpointPort, net } from '../policy-rule.ts';
import { quickWorkloadEndpoint } from './quick-workload-endpoint.ts';

/** Items of lists that count one by one. */
const lists = {
  ipNetworks: net.refine((text) => /\/(32|128)$/.test(text), 'must be a single address'),
  ipNATs: z.object({ internalIP: ipAddress, externalIP: ipAddress }),
  ports: endpointPort.partial({ name: true }),
  allowSpoofedSourcePrefixes: net,
};

export const WORKLOAD_ENDPOINT = defineKind({
  kind: 'WorkloadEndpoint',
  apiVersions: CALICO_API_VERSIONS,
  schema: z.object({
    spec: z.object({
      orchestrator: z.string().optional(),
      workload: z.string().optional(),
      node: z.string().min(1),
      pod: z.string().optional(),
      endpoint: z.string().optional(),
      serviceAccountName: z.string().optional(),
      /** Its addresses, as prefixes of one address each. */
      ipNetworks: z.array(lists.ipNetworks).default([]),
      /** Addresses that are translated to one of its own. */
      ipNATs: z.array(lists.ipNATs).default([]),
      ipv4Gateway: emptyAsUnset(ipv4Address),
      ipv6Gateway: emptyAsUnset(ipv6Address),
      profiles: z.array(z.string()).default([]),
      interfaceName: z.string().min(1).max(15),
      mac: z.string().optional(),
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
