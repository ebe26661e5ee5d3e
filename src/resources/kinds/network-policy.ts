/** NetworkPolicy as Calico has it: rules for the endpoints of a namespace. */
import { z } from 'zod';
import { CALICO_API_VERSIONS, defineKind, notEnforced } from '../kind-definition.ts';
import { policyFields } from '../policy-rule.ts';

export const NETWORK_POLICY = defineKind({
  kind: 'NetworkPolicy',
  apiVersions: CALICO_API_VERSIONS,
  schema: z.object({ spec: z.object(policyFields) }),
  reportUnknownFields: true,
  review: notEnforced,
});
