/** Kubernetes' Namespace: its labels, by which selectors pick what is in it. */
import { z } from 'zod';
import { defineKind } from '../kind-definition.ts';

export const NAMESPACE = defineKind({
  kind: 'Namespace',
  apiVersions: ['v1'],
  schema: z.object({ metadata: z.unknown() }).transform(() => ({ spec: {} })),
  reportUnknownFields: false,
  metadata: (metadata) => ({ ...metadata, annotations: {} }),
});
