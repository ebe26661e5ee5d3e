/** Kubernetes' Pod: its addresses, its node and its named ports. Nothing else is kept, because a cluster has many thousands. */
import { z } from 'zod';
import { emptyAsUnset, ipAddress } from '../fields.ts';
import { defineKind } from '../kind-definition.ts';
import type { Metadata } from '../resource.ts';
import { quickPod } from './quick-pod.ts';

const container = z.object({
  ports: z
    .array(
      z.object({
        name: z.string().optional(),
        containerPort: z.int().min(1).max(65535),
        protocol: z.enum(['TCP', 'UDP', 'SCTP']).default('TCP'),
      }),
    )
    .default([]),
});

const namedPort = z.object({ name: z.string(), protocol: z.enum(['TCP', 'UDP', 'SCTP']), port: z.int() });

const spec = z
  .object({
    nodeName: z.string().optional(),
    serviceAccountName: z.string().optional(),
    hostNetwork: z.boolean().default(false),
    containers: z.array(container).default([]),
    initContainers: z.array(container).default([]),
    /** As this schema gives it, for a resource that is read again. */
    ports: z.array(namedPort).optional(),
    terminating: z.boolean().optional(),
  })
  .transform(({ containers, initContainers, ports, ...rest }) => ({
    ...rest,
    ports:
      ports ??
      [...containers, ...initContainers].flatMap(({ ports: all }) =>
        all.flatMap(({ name, protocol, containerPort }) =>
          name === undefined ? [] : [{ name, protocol, port: containerPort }],
        ),
      ),
  }));

const status = z
  .object({
    phase: z.string().optional(),
    podIP: emptyAsUnset(ipAddress),
    podIPs: z.array(z.object({ ip: ipAddress })).optional(),
  })
  .transform(({ phase, podIP, podIPs }) => ({
    phase,
    podIPs: podIPs ?? (podIP === undefined ? [] : [{ ip: podIP }]),
  }));

/** Where network plug-ins say which addresses a pod has, earlier than its status does, and what else it may send from. */
const ADDRESS_ANNOTATIONS = /^(cni\.projectcalico\.org\/(podIPs?|allowedSourcePrefixes)|vpc\.amazonaws\.com\/pod-ips)$/;

export const POD = defineKind({
  kind: 'Pod',
  apiVersions: ['v1'],
  schema: z
    .object({ metadata: z.object({ deletionTimestamp: z.string().optional() }), spec, status: status.prefault({}) })
    .transform(({ metadata: { deletionTimestamp }, spec, status }) => ({
      spec: { ...spec, terminating: spec.terminating ?? deletionTimestamp !== undefined },
      status,
    })),
  quick: quickPod,
  inNamespace: true,
  reportUnknownFields: false,
  metadata: ({ annotations, ...metadata }): Metadata => ({
    ...metadata,
    annotations: Object.fromEntries(Object.entries(annotations).filter(([name]) => ADDRESS_ANNOTATIONS.test(name))),
  }),
});
