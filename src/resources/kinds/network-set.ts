/** NetworkSet and GlobalNetworkSet: addresses outside the cluster that have labels, so that selectors pick them. */
import { z } from 'zod';
import { CALICO_API_VERSIONS, defineKind } from '../kind-definition.ts';
import { net } from '../policy-rule.ts';

const schema = z.object({ spec: z.object({ nets: z.array(net).default([]) }) });

export const NETWORK_SET = defineKind({
  kind: 'NetworkSet',
  apiVersions: CALICO_API_VERSIONS,
  schema,
  reportUnknownFields: true,
});

export const GLOBAL_NETWORK_SET = defineKind({
  kind: 'GlobalNetworkSet',
  apiVersions: CALICO_API_VERSIONS,
  schema,
  reportUnknownFields: true,
});
