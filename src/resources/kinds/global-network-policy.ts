/** GlobalNetworkPolicy: rules for the endpoints of all namespaces, and for hosts. */
import { z } from 'zod';
import { selector } from '../fields.ts';
import { CALICO_API_VERSIONS, defineKind } from '../kind-definition.ts';
import { ofNoNamespace } from '../metadata.ts';
import { clusterRule, policyFields, reviewRules, ruleLists } from '../policy-rule.ts';
import { salvagePolicy } from '../policy-salvage.ts';

const fields = {
  ...policyFields,
  ...ruleLists(clusterRule),
  namespaceSelector: selector.optional(),
  /** The rest is about traffic that a host forwards or that connection tracking doesn't see. */
  doNotTrack: z.boolean().default(false),
  preDNAT: z.boolean().default(false),
  applyOnForward: z.boolean().default(false),
};

const spec = z.strictObject(fields).check(({ value, issues }) => {
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
  metadata: ofNoNamespace,
  salvage: (body) => salvagePolicy(body, fields, clusterRule),
  review: ({ spec: policy }) => ({ warnings: reviewRules(policy) }),
});
