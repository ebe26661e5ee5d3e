/**
 * Kubernetes' EndpointSlice: on which nodes and in which zones a Service has endpoints, and whether they are ready. Their
 * addresses are kept only where ports are given. Who announces routes does not ask for ports, because a cluster has many thousands;
 * so a change of addresses is none there.
 */
import { z } from 'zod';
import { defineKind } from '../kind-definition.ts';

/** Says which Service of its namespace a slice is of. */
const SERVICE_NAME = 'kubernetes.io/service-name';

const endpoint = z
  .object({
    addresses: z.array(z.string()).optional(),
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
  .transform(({ addresses, nodeName, zone, hints, conditions, ...read }) => {
    // discovery.k8s.io/v1: an unknown condition is "ready", and "serving" is "ready" where it is unknown.
    const ready = read.ready ?? conditions.ready ?? true;
    const forZones = read.forZones ?? hints?.forZones.map(({ name }) => name);
    return {
      ...(addresses === undefined ? {} : { addresses }),
      ...(nodeName === undefined ? {} : { nodeName }),
      ...(zone === undefined ? {} : { zone }),
      ...(forZones === undefined || forZones.length === 0 ? {} : { forZones }),
      ready,
      serving: read.serving ?? conditions.serving ?? ready,
      terminating: read.terminating ?? conditions.terminating ?? false,
    };
  });

type SliceEndpoint = z.output<typeof endpoint>;

/** Without a number it stands for all ports. */
const port = z.object({
  protocol: z.enum(['TCP', 'UDP', 'SCTP']).nullish(),
  port: z.int().min(1).max(65535).nullish(),
});

const slice = {
  addressType: z.enum(['IPv4', 'IPv6', 'FQDN']).optional(),
  endpoints: z.array(endpoint).nullish(),
  ports: z.array(port).nullish(),
};

type Slice = z.output<z.ZodObject<typeof slice>>;

/** `ports` may be null, which is none. */
function specOf({ addressType = 'IPv4', endpoints, ports }: Slice) {
  const all = endpoints ?? [];
  if (ports === undefined) return { addressType, endpoints: all.map(withoutAddresses) };
  const numbered = (ports ?? []).flatMap(({ protocol, port: number }) =>
    number === undefined || number === null ? [] : [{ protocol: protocol ?? 'TCP', port: number }],
  );
  return { addressType, endpoints: all, ports: numbered };
}

function withoutAddresses(endpoint: SliceEndpoint): SliceEndpoint {
  const { addresses: _, ...rest } = endpoint;
  return rest;
}

export const ENDPOINT_SLICE = defineKind({
  kind: 'EndpointSlice',
  apiVersions: ['discovery.k8s.io/v1'],
  fields: ['spec', 'addressType', 'endpoints', 'ports'],
  schema: z
    .object({ ...slice, spec: z.object(slice).optional() })
    .refine(({ spec, addressType }) => (spec?.addressType ?? addressType) !== undefined, {
      path: ['addressType'],
      message: 'is required',
    })
    .transform(({ spec, addressType, endpoints, ports }) => ({
      spec: specOf({ addressType, endpoints, ports, ...spec }),
    })),
  reportUnknownFields: false,
  metadata: ({ labels, ...metadata }) => ({
    ...metadata,
    labels: Object.hasOwn(labels, SERVICE_NAME) ? { [SERVICE_NAME]: labels[SERVICE_NAME] } : {},
    annotations: {},
  }),
});
