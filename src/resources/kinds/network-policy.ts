/** NetworkPolicy as Calico has it: rules for the endpoints of a namespace. */
import { z } from 'zod';
import { CALICO_API_VERSIONS, defineKind } from '../kind-definition.ts';
import { policyFields, policyRule, reviewRules, ruleLists } from '../policy-rule.ts';
import { salvagePolicy } from '../policy-salvage.ts';

const fields = { ...policyFields, ...ruleLists(policyRule) };

export const NETWORK_POLICY = defineKind({
  kind: 'NetworkPolicy',
  apiVersions: CALICO_API_VERSIONS,
  schema: z.object({ spec: z.strictObject(fields) }),
  inNamespace: true,
  reportUnknownFields: true,
  salvage: (body) => salvagePolicy(body, fields, policyRule),
  review: ({ spec }) => ({ warnings: reviewRules(spec) }),
});
