/** HostEndpoint: interfaces of a node to which policies apply. */
import { z } from 'zod';
import { emptyAsUnset, ipAddress } from '../fields.ts';
import { CALICO_API_VERSIONS, defineKind } from '../kind-definition.ts';
import { salvageHost } from '../endpoint-salvage.ts';
import { ofNoNamespace } from '../metadata.ts';
import { endpointPort } from '../policy-rule.ts';

const interfaceName = z
  .string()
  .regex(/^(\*|[a-zA-Z0-9_.-]{1,15})$/, 'must be the name of an interface, or "*" for all');

export const HOST_ENDPOINT = defineKind({
  kind: 'HostEndpoint',
  apiVersions: CALICO_API_VERSIONS,
  schema: z.object({
    spec: z
      .object({
        node: z.string().min(1),
        /** `*` is all interfaces that no other HostEndpoint is for. */
        interfaceName: emptyAsUnset(interfaceName),
        /** Picks the interface that has one of these, where it isn't named. */
        expectedIPs: z.array(ipAddress).default([]),
        profiles: z.array(z.string()).default([]),
        ports: z.array(endpointPort).default([]),
      })
      .refine(({ interfaceName, expectedIPs }) => interfaceName !== undefined || expectedIPs.length > 0, {
        path: ['interfaceName'],
        message: 'is required, or else expectedIPs',
      }),
  }),
  reportUnknownFields: true,
  metadata: ofNoNamespace,
  salvage: (body) => salvageHost(body, interfaceName, { expectedIPs: ipAddress, ports: endpointPort }),
});
