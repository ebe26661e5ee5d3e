/** IPPool: a range of addresses for workloads, and how their traffic crosses the network. */
import { z } from 'zod';
import { IPV4_UNICAST } from '../../net/family.ts';
import { parsePrefix, prefixContains } from '../../net/prefix.ts';
import type { Prefix } from '../../net/prefix.ts';
import { cidr, ipAddress, selector } from '../fields.ts';
import { CALICO_API_VERSIONS, defineKind } from '../kind-definition.ts';

const encapsulation = z.enum(['Never', 'Always', 'CrossSubnet']).default('Never');

/** Ranges that are link-local by definition. */
const LINK_LOCAL = ['169.254.0.0/16', 'fe80::/10'].map(parsePrefix);

/** Lengths that a block may have, and the one it has by default. */
const BLOCK_SIZES = { ipv4: { min: 20, max: 32, usual: 26 }, ipv6: { min: 116, max: 128, usual: 122 } };

/** A prefix without bits beyond its length: with some, it is not clear which range is meant. */
const maskedCidr = z
  .string()
  .check(({ value, issues }) => {
    const masked = cidr.safeParse(value).data;
    if (masked === undefined || ipAddress.safeParse(value.split('/')[0]).data === masked.split('/')[0]) return;
    issues.push({ code: 'custom', message: `has bits set beyond its length; the prefix is ${masked}`, input: value });
  })
  .pipe(cidr);

const spec = z
  .object({
    cidr: maskedCidr,
    vxlanMode: encapsulation,
    ipipMode: encapsulation,
    natOutgoing: z.boolean().default(false),
    /** Whether no new addresses are taken from the pool; what it has is advertised all the same. */
    disabled: z.boolean().default(false),
    disableBGPExport: z.boolean().default(false),
    /** Length of the blocks that nodes take from the pool. */
    blockSize: z.int().optional(),
    nodeSelector: selector.default('all()'),
    namespaceSelector: selector.optional(),
    allowedUses: z.array(z.enum(['Workload', 'Tunnel', 'LoadBalancer'])).default(['Workload', 'Tunnel']),
    assignmentMode: z.enum(['Automatic', 'Manual']).default('Automatic'),
  })
  .check(({ value, issues }) => {
    for (const [field, message] of faults(value)) issues.push({ code: 'custom', path: [field], message, input: value });
  })
  .transform((pool) => ({ ...pool, blockSize: pool.blockSize ?? blockSizes(parsePrefix(pool.cidr)).usual }));

type Pool = z.input<typeof spec>;

/** What contradicts itself in a pool, by field. */
function* faults(pool: Pool): Generator<[field: string, message: string]> {
  const prefix = parsePrefix(pool.cidr);
  const { min, max, usual } = blockSizes(prefix);
  const { blockSize = usual, ipipMode = 'Never', vxlanMode = 'Never' } = pool;
  if (LINK_LOCAL.some((range) => prefixContains(range, prefix) || prefixContains(prefix, range))) {
    yield ['cidr', 'must not overlap link-local addresses (169.254.0.0/16, fe80::/10)'];
  }
  if (blockSize < min || blockSize > max) yield ['blockSize', `must be ${min} to ${max}, not ${blockSize}`];
  else if (blockSize < prefix.length) yield ['blockSize', `blocks of /${blockSize} do not fit into ${pool.cidr}`];
  if (ipipMode !== 'Never' && vxlanMode !== 'Never') yield ['vxlanMode', 'must be Never where ipipMode is not'];
  if (ipipMode !== 'Never' && prefix.family !== IPV4_UNICAST) yield ['ipipMode', 'must be Never in an IPv6 pool'];
  if (pool.allowedUses?.includes('LoadBalancer')) yield* loadBalancerFaults(pool);
}

/** A pool for load balancers serves no node, so what is about nodes must not be set. */
function* loadBalancerFaults(pool: Pool): Generator<[field: string, message: string]> {
  const with_ = 'with allowedUses LoadBalancer';
  if (pool.allowedUses?.some((use) => use !== 'LoadBalancer')) yield ['allowedUses', 'LoadBalancer must stand alone'];
  for (const field of ['ipipMode', 'vxlanMode'] as const) {
    if ((pool[field] ?? 'Never') !== 'Never') yield [field, `must be Never ${with_}`];
  }
  if ((pool.nodeSelector ?? 'all()') !== 'all()') yield ['nodeSelector', `must be all() ${with_}`];
  if (pool.disableBGPExport === true) yield ['disableBGPExport', `must be false ${with_}`];
}

function blockSizes(prefix: Prefix) {
  return prefix.family === IPV4_UNICAST ? BLOCK_SIZES.ipv4 : BLOCK_SIZES.ipv6;
}

export const IP_POOL = defineKind({
  kind: 'IPPool',
  apiVersions: CALICO_API_VERSIONS,
  schema: z.object({ spec }),
  reportUnknownFields: true,
});
