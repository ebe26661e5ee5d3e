/**
 * Kubernetes' EndpointSlice: on which nodes and in which zones a Service has endpoints, and whether they are ready. Their
 * addresses and ports are not kept, because a cluster has many thousands, so a change of these is none here.
 */
import { z } from 'zod';
import { defineKind } from '../kind-definition.ts';

/** Says which Service of its namespace a slice is of. */
const SERVICE_NAME = 'kubernetes.io/service-name';

const endpoint = z
  .object({
    nodeName: z.string().optional(),
    zone: z.string().optional(),
    hints: z.object({ forZones: z.array(z.object({ name: z.string() })).default([]) }).optional(),
    conditions: z
      .object({ ready: z.boolean().optional(), serving: z.boolean().optional(), terminating: z.boolean().optional() })
      .default({}),
    /** The rest is as this schema gives it, for a resource that is read again. */
    forZones: z.array(z.string()).optional(),
    ready: z.boolean().optional(),
    serving: z.boolean().optional(),
    terminating: z.boolean().optional(),
  })
  .transform(({ nodeName, zone, hints, conditions, ...read }) => {
    // discovery.k8s.io/v1: an unknown condition is "ready", and "serving" is "ready" where it is unknown.
    const ready = read.ready ?? conditions.ready ?? true;
    const forZones = read.forZones ?? hints?.forZones.map(({ name }) => name);
    return {
      ...(nodeName === undefined ? {} : { nodeName }),
      ...(zone === undefined ? {} : { zone }),
      ...(forZones === undefined || forZones.length === 0 ? {} : { forZones }),
      ready,
      serving: read.serving ?? conditions.serving ?? ready,
      terminating: read.terminating ?? conditions.terminating ?? false,
    };
  });

const slice = {
  addressType: z.enum(['IPv4', 'IPv6', 'FQDN']).optional(),
  endpoints: z.array(endpoint).optional(),
};

export const ENDPOINT_SLICE = defineKind({
  kind: 'EndpointSlice',
  apiVersions: ['discovery.k8s.io/v1'],
  fields: ['spec', 'addressType', 'endpoints'],
  schema: z
    .object({ ...slice, spec: z.object(slice).optional() })
    .refine(({ spec, addressType }) => (spec?.addressType ?? addressType) !== undefined, {
      path: ['addressType'],
      message: 'is required',
    })
    .transform(({ spec, addressType, endpoints }) => ({
      spec: {
        addressType: spec?.addressType ?? addressType ?? 'IPv4',
        endpoints: spec?.endpoints ?? endpoints ?? [],
      },
    })),
  reportUnknownFields: false,
  metadata: ({ labels, ...metadata }) => ({
    ...metadata,
    labels: Object.hasOwn(labels, SERVICE_NAME) ? { [SERVICE_NAME]: labels[SERVICE_NAME] } : {},
    annotations: {},
  }),
});
