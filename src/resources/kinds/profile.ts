/** Profile: rules and labels of the endpoints that name it, for traffic that no policy decides. */
import { z } from 'zod';
import { CALICO_API_VERSIONS, defineKind } from '../kind-definition.ts';
import { ofNoNamespace } from '../metadata.ts';
import { salvageProfile } from '../policy-salvage.ts';
import { clusterRule, reviewRules, ruleLists } from '../policy-rule.ts';

export const PROFILE = defineKind({
  kind: 'Profile',
  apiVersions: CALICO_API_VERSIONS,
  schema: z.object({
    spec: z.object({
      ...ruleLists(clusterRule),
      labelsToApply: z.record(z.string(), z.string()).default({}),
    }),
  }),
  reportUnknownFields: true,
  metadata: ofNoNamespace,
  salvage: salvageProfile,
  review: ({ spec }) => ({ warnings: reviewRules(spec) }),
});
