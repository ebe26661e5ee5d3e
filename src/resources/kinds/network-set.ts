/** NetworkSet and GlobalNetworkSet: addresses outside the cluster that have labels, so that selectors pick them. */
import { z } from 'zod';
import { CALICO_API_VERSIONS, defineKind } from '../kind-definition.ts';
import { salvageSet } from '../endpoint-salvage.ts';
import { ofNoNamespace } from '../metadata.ts';
import { net } from '../policy-rule.ts';
import type { JsonObject } from '../resource.ts';

const schema = z.object({ spec: z.object({ nets: z.array(net).default([]) }) });

const salvage = (body: JsonObject) => salvageSet(body, { nets: net });

export const NETWORK_SET = defineKind({
  kind: 'NetworkSet',
  apiVersions: CALICO_API_VERSIONS,
  schema,
  inNamespace: true,
  reportUnknownFields: true,
  salvage,
});

export const GLOBAL_NETWORK_SET = defineKind({
  kind: 'GlobalNetworkSet',
  apiVersions: CALICO_API_VERSIONS,
  schema,
  reportUnknownFields: true,
  metadata: ofNoNamespace,
  salvage,
});
