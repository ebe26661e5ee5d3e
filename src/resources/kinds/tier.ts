/** Tier: policies that are asked one after the other, before those of the next tier. */
import { z } from 'zod';
import { CALICO_API_VERSIONS, defineKind } from '../kind-definition.ts';
import type { Review, Salvaged } from '../kind-definition.ts';
import { ofNoNamespace } from '../metadata.ts';
import { isJsonObject } from '../resource.ts';
import type { JsonObject, Metadata, Problem } from '../resource.ts';
import { error } from '../rule-salvage.ts';

const tierSpec = z.object({
  /** Lower comes first; without it a tier comes last. */
  order: z.number().optional(),
  /** What happens to traffic of the endpoints that the tier's policies select and no rule of these decides. */
  defaultAction: z.enum(['Deny', 'Pass']).default('Deny'),
  /** Of a tier of which it can't be read when it is asked: what its policies are for is closed. Nobody writes it. */
  closed: z.literal(true).optional(),
});

function salvage(body: JsonObject): Salvaged {
  const written = isJsonObject(body['spec']) ? body['spec'] : { order: '' };
  const { order, defaultAction, closed: _, ...rest } = written;
  const problems: Problem[] = [];
  const spec: Record<string, unknown> = { ...rest, order, defaultAction };
  if (!tierSpec.shape.defaultAction.safeParse(defaultAction).success) {
    problems.push(error(['spec', 'defaultAction'], 'counts as Deny'));
    delete spec['defaultAction'];
  }
  if (!tierSpec.shape.order.safeParse(order).success) {
    const words = 'is not known, so nothing may pass that the policies of the tier are for, whatever they allow';
    problems.push(error(['spec', 'order'], words));
    delete spec['order'];
    spec['closed'] = true;
  }
  return { body: { ...body, spec }, problems };
}

/** Tiers that are what they are, whatever is written. */
export const FIXED_TIERS: ReadonlyMap<string, { order: number; defaultAction: 'Deny' | 'Pass' }> = new Map([
  ['kube-admin', { order: 1_000, defaultAction: 'Pass' }],
  ['default', { order: 1_000_000, defaultAction: 'Deny' }],
  ['kube-baseline', { order: 10_000_000, defaultAction: 'Pass' }],
]);

export const TIER = defineKind({
  kind: 'Tier',
  apiVersions: CALICO_API_VERSIONS,
  schema: z.object({ spec: tierSpec }),
  reportUnknownFields: true,
  metadata: ofNoNamespace,
  salvage,
  review,
});

function review({ metadata: { name }, spec }: { metadata: Metadata; spec: z.output<typeof tierSpec> }): Review {
  const fixed = FIXED_TIERS.get(name);
  if (fixed === undefined) return { warnings: [] };
  const wrong = (['order', 'defaultAction'] as const).filter((f) => spec[f] !== undefined && spec[f] !== fixed[f]);
  return {
    warnings: wrong.map((field) => ({
      path: ['spec', field],
      message: `is always ${fixed[field]} for the tier "${name}"`,
      severity: 'warning',
    })),
  };
}
