/** GlobalNetworkPolicy: rules for the endpoints of all namespaces, and for hosts. */
import { z } from 'zod';
import { selector } from '../fields.ts';
import { CALICO_API_VERSIONS, defineKind, notEnforced, notSupported } from '../kind-definition.ts';
import type { Review } from '../kind-definition.ts';
import { policyFields } from '../policy-rule.ts';

/** About traffic that a host forwards or that connection tracking doesn't see. */
const HOST_FIELDS = ['doNotTrack', 'preDNAT', 'applyOnForward'] as const;

const spec = z
  .object({
    ...policyFields,
    namespaceSelector: selector.optional(),
    doNotTrack: z.boolean().default(false),
    preDNAT: z.boolean().default(false),
    applyOnForward: z.boolean().default(false),
  })
  .check(({ value, issues }) => {
    const problem = (field: string, message: string) =>
      issues.push({ code: 'custom', path: [field], message, input: value });
    if (value.doNotTrack && value.preDNAT) problem('preDNAT', 'must not be set together with doNotTrack');
    if (!value.applyOnForward && (value.doNotTrack || value.preDNAT)) {
      problem('applyOnForward', `must be true with ${value.doNotTrack ? 'doNotTrack' : 'preDNAT'}`);
    }
    if (value.preDNAT && (value.egress.length > 0 || value.types?.includes('Egress') === true)) {
      problem('preDNAT', 'is possible only without egress rules');
    }
  });

export const GLOBAL_NETWORK_POLICY = defineKind({
  kind: 'GlobalNetworkPolicy',
  apiVersions: CALICO_API_VERSIONS,
  schema: z.object({ spec }),
  reportUnknownFields: true,
  review,
});

function review({ spec: policy }: { spec: { readonly [F in (typeof HOST_FIELDS)[number]]: boolean } }): Review {
  const fields = HOST_FIELDS.filter((field) => policy[field]).map((field) => notSupported('spec', field));
  return { warnings: [...notEnforced().warnings, ...fields] };
}
