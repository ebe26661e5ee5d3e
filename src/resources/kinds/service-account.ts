/** Kubernetes' ServiceAccount: its labels, by which policies pick the Pods that run as it. */
import { z } from 'zod';
import { defineKind } from '../kind-definition.ts';

export const SERVICE_ACCOUNT = defineKind({
  kind: 'ServiceAccount',
  apiVersions: ['v1'],
  schema: z.object({ metadata: z.unknown() }).transform(() => ({ spec: {} })),
  inNamespace: true,
  reportUnknownFields: false,
  metadata: (metadata) => ({ ...metadata, annotations: {} }),
});
