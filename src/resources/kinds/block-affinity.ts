/** BlockAffinity: which node (or virtual owner) has taken which block of a pool. */
import { z } from 'zod';
import { cidr } from '../fields.ts';
import { CALICO_API_VERSIONS, defineKind } from '../kind-definition.ts';
import type { ResourceOfDefinition } from '../kind-definition.ts';

export const BLOCK_AFFINITY = defineKind({
  kind: 'BlockAffinity',
  apiVersions: CALICO_API_VERSIONS,
  schema: z.object({
    spec: z.object({
      /** Empty means confirmed. */
      state: z.enum(['confirmed', 'pending', 'pendingDeletion', '']).default(''),
      node: z.string().min(1),
      /** `virtual` blocks belong to no node, e.g. those of load balancers. */
      type: z
        .enum(['host', 'virtual', ''])
        .transform((type) => (type === '' ? 'host' : type))
        .default('host'),
      cidr,
      /** A string in crd.projectcalico.org/v1. */
      deleted: z
        .union([z.boolean(), z.enum(['true', 'false', ''])])
        .transform((deleted) => deleted === true || deleted === 'true')
        .default(false),
    }),
  }),
  reportUnknownFields: true,
});

export type BlockAffinity = ResourceOfDefinition<typeof BLOCK_AFFINITY>;

/** Whether the affinity gives its node the block. Virtual ones, those of load balancers, belong to no node. */
export function isConfirmedBlock({ spec: { type, deleted, state } }: BlockAffinity): boolean {
  return type === 'host' && !deleted && (state === 'confirmed' || state === '');
}
