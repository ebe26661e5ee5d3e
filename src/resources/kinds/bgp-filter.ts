/** BGPFilter: ordered rules for what is taken from and told to the peers that name the filter. */
import { z } from 'zod';
import { asNumber, community, emptyAsUnset, interfaceGlob, ipv4Cidr, ipv6Cidr, routePriority } from '../fields.ts';
import { CALICO_API_VERSIONS, defineKind } from '../kind-definition.ts';

/** What an accepting rule does to a route. */
const operation = z
  .object({
    addCommunity: z.object({ value: community }).optional(),
    /** The path then starts with these AS numbers, in this order. */
    prependASPath: z.object({ prefix: z.array(asNumber).min(1).max(10) }).optional(),
    setPriority: z.object({ value: routePriority }).optional(),
  })
  .refine(
    (fields) => Object.keys(fields).length === 1,
    'must have exactly one of addCommunity, prependASPath, setPriority',
  );

/** A rule matches where all of its conditions do; a rule without conditions always matches. */
function rule(cidr: typeof ipv4Cidr, bits: 32 | 128) {
  const length = z.int().min(0).max(bits);
  const schema = z.object({
    cidr: emptyAsUnset(cidr),
    prefixLength: z.object({ min: length.optional(), max: length.optional() }).optional(),
    matchOperator: emptyAsUnset(z.enum(['Equal', 'NotEqual', 'In', 'NotIn'])),
    /** RemotePeers: only routes learned by BGP. */
    source: emptyAsUnset(z.literal('RemotePeers')),
    interface: emptyAsUnset(interfaceGlob),
    peerType: emptyAsUnset(z.enum(['eBGP', 'iBGP'])),
    communities: z.object({ values: z.array(community).length(1) }).optional(),
    /** An empty list sets no condition. */
    asPathPrefix: z
      .array(asNumber)
      .transform((path) => (path.length === 0 ? undefined : path))
      .optional(),
    priority: routePriority.optional(),
    action: z.enum(['Accept', 'Reject']),
    operations: z.array(operation).min(1).max(10).optional(),
  });
  return schema.check(({ value, issues }) => {
    const problem = (field: string, message: string) =>
      issues.push({ code: 'custom', path: [field], message, input: value });
    if (value.cidr !== undefined && value.matchOperator === undefined)
      problem('matchOperator', 'is required with cidr');
    if (value.cidr === undefined && value.matchOperator !== undefined)
      problem('cidr', 'is required with matchOperator');
    if (value.cidr === undefined && value.prefixLength !== undefined) problem('cidr', 'is required with prefixLength');
    const { min, max } = value.prefixLength ?? {};
    if (min !== undefined && max !== undefined && min > max) {
      problem('prefixLength', `min ${min} is greater than max ${max}`);
    }
    if (value.operations !== undefined && value.action !== 'Accept') {
      problem('operations', 'are possible only with action Accept');
    }
  });
}

const rulesV4 = z.array(rule(ipv4Cidr, 32)).default([]);
const rulesV6 = z.array(rule(ipv6Cidr, 128)).default([]);

export const BGP_FILTER = defineKind({
  kind: 'BGPFilter',
  apiVersions: CALICO_API_VERSIONS,
  schema: z.object({
    spec: z.object({ exportV4: rulesV4, importV4: rulesV4, exportV6: rulesV6, importV6: rulesV6 }),
  }),
  reportUnknownFields: true,
});
