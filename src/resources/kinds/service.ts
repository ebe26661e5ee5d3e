/**
 * Kubernetes' Service: the addresses at which it is reached and which nodes may take its traffic. Nothing else is kept,
 * because a cluster has thousands.
 */
import { z } from 'zod';
import { ipAddress } from '../fields.ts';
import { defineKind } from '../kind-definition.ts';

/** `None` and an empty text stand for no address. */
const clusterIP = z.union([z.literal(['None', '']).transform(() => undefined), ipAddress]);

const spec = z
  .object({
    type: z.enum(['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName']).default('ClusterIP'),
    clusterIP: clusterIP.optional(),
    clusterIPs: z.array(clusterIP).optional(),
    externalIPs: z.array(ipAddress).default([]),
    loadBalancerIP: z.union([z.literal('').transform(() => undefined), ipAddress]).optional(),
    loadBalancerClass: z.string().optional(),
    externalTrafficPolicy: z.enum(['Cluster', 'Local', '']).optional(),
    internalTrafficPolicy: z.enum(['Cluster', 'Local']).optional(),
    ipFamilies: z.array(z.enum(['IPv4', 'IPv6'])).default([]),
    /** PreferClose, PreferSameZone, PreferSameNode, and what comes after them. */
    trafficDistribution: z.string().optional(),
  })
  .transform(({ clusterIP, clusterIPs, externalTrafficPolicy, ...rest }) => ({
    ...rest,
    /** All of them, of each family one; none of a headless Service. */
    clusterIPs: (clusterIPs ?? [clusterIP]).filter((address) => address !== undefined),
    externalTrafficPolicy: externalTrafficPolicy === '' ? undefined : externalTrafficPolicy,
  }));

/** An address that a load balancer gave the Service; one with a host name instead is left out. */
const ingress = z.object({ ip: ipAddress.optional(), ipMode: z.enum(['VIP', 'Proxy']).optional() });

const status = z
  .object({ loadBalancer: z.object({ ingress: z.array(ingress).default([]) }).prefault({}) })
  .transform(({ loadBalancer }) => ({
    loadBalancer: { ingress: loadBalancer.ingress.filter(({ ip }) => ip !== undefined) },
  }));

/** Addresses that people write: a wrong one must not take the Service's others away. */
const WRITTEN_ADDRESSES = new Set(['externalIPs', 'loadBalancerIP']);

export const SERVICE = defineKind({
  kind: 'Service',
  apiVersions: ['v1'],
  schema: z.object({ spec, status: status.optional() }),
  reportUnknownFields: false,
  tolerates: (field) => WRITTEN_ADDRESSES.has(field),
});
