/** Compiled policies against a plain reading of their rules, and what a change of them is about. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exportPolicy, judge } from '../../test/support/policy-asking.ts';
import type { AskedRoute } from '../../test/support/policy-asking.ts';
import { PLAIN_ATTRIBUTES } from '../bgp/messages/attributes/attributes.ts';
import type { Attributes } from '../bgp/messages/attributes/attributes.ts';
import { formatCommunity } from '../bgp/messages/attributes/communities.ts';
import { formatLargeCommunity } from '../bgp/messages/attributes/large-communities.ts';
import { addressBits } from '../net/family.ts';
import { formatPrefix, parsePrefix } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import {
  SOURCE_CLIENT,
  SOURCE_EXTERNAL,
  SOURCE_INTERNAL,
  SOURCE_LOCAL,
  SOURCE_SERVICE,
  SOURCE_WORKLOAD,
} from '../rib/policy.ts';
import type { RouteSource } from '../rib/policy.ts';
import { changeScope, isInScope } from '../rib/policy-change.ts';
import { PrefixTable } from '../rib/prefix-table.ts';
import type { FilterRule } from './bgp-filter.ts';
import type { Operation } from './operations.ts';
import type { PrefixCommunities } from './policies.ts';

interface Rules {
  readonly ipv4: readonly FilterRule[];
  readonly ipv6: readonly FilterRule[];
}

/** What is told of a route, in the model: undefined for nothing. */
type Told = Pick<Attributes, 'asPath' | 'communities' | 'largeCommunities' | 'localPref'> | undefined;

describe('random policies', () => {
  it('do as a plain reading of the rules does', () => {
    fc.assert(
      fc.property(
        arbitraryRules,
        arbitraryCommunities,
        arbitraryRoute,
        fc.boolean(),
        (rules, communities, asked, external) => {
          const { prefix, route } = asked;
          const policy = policyOf(rules, communities, external);
          const { attributes } = judge(policy, prefix, route);
          expect(toldOf(attributes)).toEqual(model(rules, communities, external, parsePrefix(prefix), route));
        },
      ),
      { numRuns: 250 },
    );
  });

  it('decide as before on what a change is not about', () => {
    let outside = 0;
    fc.assert(
      fc.property(arbitraryChange, arbitraryRoute, ({ before, after, communities }, { prefix, route }) => {
        const [old, now] = [policyOf(before, communities.before, true), policyOf(after, communities.after, true)];
        const parsed = parsePrefix(prefix);
        const table = new PrefixTable(parsed.family);
        const id = table.intern(...parsed.words, parsed.length);
        const same =
          JSON.stringify(judge(old, prefix, route).attributes) === JSON.stringify(judge(now, prefix, route).attributes);
        const inside = isInScope(changeScope(old, now, parsed.family), table, id);
        if (!inside) outside++;
        expect(same || inside).toBe(true);
      }),
      { numRuns: 250 },
    );
    // The scope is of some use.
    expect(outside).toBeGreaterThan(30);
  });
});

function policyOf({ ipv4, ipv6 }: Rules, communities: readonly PrefixCommunities[], external: boolean) {
  const filters = [{ name: 'f', spec: { exportV4: ipv4, exportV6: ipv6 } }];
  return exportPolicy({ filters, communities, external, pools: [POOL] });
}

const OWN_SOURCES: readonly RouteSource[] = [SOURCE_LOCAL, SOURCE_WORKLOAD, SOURCE_SERVICE];
const POOL = { name: 'p', prefix: parsePrefix('128.0.0.0/8'), disableBGPExport: false };

function toldOf(attributes: Attributes | undefined): Told {
  if (attributes === undefined) return undefined;
  const { asPath, communities, largeCommunities, localPref } = attributes;
  return { asPath, communities, largeCommunities, ...(localPref !== undefined && { localPref }) };
}

/** The documented semantics on texts. */
function model(
  rules: Rules,
  communities: readonly PrefixCommunities[],
  external: boolean,
  prefix: Prefix,
  route: AskedRoute,
): Told {
  const attributes = { ...PLAIN_ATTRIBUTES, ...route.attributes };
  const list = prefix.family === 0 ? rules.ipv4 : rules.ipv6;
  const first = list.find((rule) => matches(rule, external, prefix, route, attributes));
  if (first !== undefined) {
    if (first.action === 'Reject') return undefined;
    return toldOf((first.operations ?? []).reduce(operate, attributes));
  }
  const bits = bitsOf(prefix);
  const inPool = prefix.family === 0 && bits.startsWith(bitsOf(POOL.prefix));
  const isWanted = route.source === SOURCE_LOCAL || route.source === SOURCE_SERVICE;
  if (!isWanted && !inPool) return undefined;
  const around = communities.filter(
    (entry) => entry.prefix.family === prefix.family && bits.startsWith(bitsOf(entry.prefix)),
  );
  const added = around.flatMap((entry) => entry.communities).map((value): Operation => ({ addCommunity: { value } }));
  return toldOf(added.reduce(operate, attributes));
}

function matches(
  rule: FilterRule,
  external: boolean,
  prefix: Prefix,
  route: AskedRoute,
  attributes: Attributes,
): boolean {
  if (rule.source === 'RemotePeers' && OWN_SOURCES.includes(route.source ?? SOURCE_EXTERNAL)) return false;
  if (rule.peerType !== undefined && rule.peerType !== (external ? 'eBGP' : 'iBGP')) return false;
  if (rule.interface !== undefined && !(route.interface ?? '').startsWith(rule.interface.replace('*', '')))
    return false;
  const carried = [
    ...attributes.communities.map(formatCommunity),
    ...attributes.largeCommunities.map(formatLargeCommunity),
  ];
  if (rule.communities !== undefined && !carried.includes(rule.communities.values[0])) return false;
  const path = attributes.asPath.flatMap((segment) => segment.asns).join(' ');
  if (rule.asPathPrefix !== undefined && !`${path} `.startsWith(`${rule.asPathPrefix.join(' ')} `)) return false;
  const localPref = attributes.localPref ?? 100;
  const metric = localPref < 2 ** 30 ? 1124 - localPref : 2_147_483_647 - localPref;
  if (rule.priority !== undefined && rule.priority !== metric) return false;
  return rule.cidr === undefined || prefixMatches(rule, parsePrefix(rule.cidr), prefix);
}

function prefixMatches(rule: FilterRule, cidr: Prefix, prefix: Prefix): boolean {
  const bits = bitsOf(prefix);
  const low = Math.max(cidr.length, rule.prefixLength?.min ?? 0);
  const high = Math.min(addressBits(prefix.family), rule.prefixLength?.max ?? 128);
  const inside = bits.startsWith(bitsOf(cidr)) && bits.length >= low && bits.length <= high;
  const equal = inside && bits === bitsOf(cidr);
  return { Equal: equal, NotEqual: !equal, In: inside, NotIn: !inside }[rule.matchOperator ?? 'In'];
}

function operate(attributes: Attributes, operation: Operation): Attributes {
  const { communities, largeCommunities, asPath } = attributes;
  if (operation.setPriority !== undefined)
    return { ...attributes, localPref: 2_147_483_647 - operation.setPriority.value };
  if (operation.prependASPath !== undefined) {
    const asns = [...operation.prependASPath.prefix, ...asPath.flatMap((segment) => segment.asns)];
    return { ...attributes, asPath: [{ type: 'sequence', asns }] };
  }
  const [a, b, c] = operation.addCommunity!.value.split(':').map(Number);
  if (c === undefined) return { ...attributes, communities: [...new Set([...communities, a * 65_536 + b])] };
  const large = { globalAdministrator: a, localData1: b, localData2: c };
  const known = largeCommunities.some((other) => JSON.stringify(other) === JSON.stringify(large));
  return known ? attributes : { ...attributes, largeCommunities: [...largeCommunities, large] };
}

function bitsOf(prefix: Prefix): string {
  return prefix.words
    .map((word) => word.toString(2).padStart(32, '0'))
    .join('')
    .slice(0, prefix.length);
}

/** Few distinct bits, so that rules and routes meet often. */
function arbitraryPrefix(family: 0 | 1): fc.Arbitrary<string> {
  const lengths = family === 0 ? [0, 1, 8, 9, 31, 32] : [0, 1, 32, 33, 64, 65, 97, 127, 128];
  const addresses = family === 0 ? ['0.0.0.0', '128.0.0.1', '128.255.255.255'] : ['::', '8000::1', '8000::ffff:0:ffff'];
  return fc
    .tuple(fc.constantFrom(...addresses), fc.constantFrom(...lengths))
    .map(([address, length]) => formatPrefix(parsePrefix(`${address}/${length}`)));
}

const arbitraryCommunity = fc.constantFrom('65000:1', '65000:2', '65000:1:2', '4200000000:1:2');

const arbitraryOperation: fc.Arbitrary<Operation> = fc.oneof(
  arbitraryCommunity.map((value) => ({ addCommunity: { value } })),
  fc
    .array(fc.constantFrom(65_001, 65_010), { minLength: 1, maxLength: 3 })
    .map((prefix) => ({ prependASPath: { prefix } })),
  fc.constantFrom(1, 512, 1024).map((value) => ({ setPriority: { value } })),
);

function arbitraryRule(family: 0 | 1): fc.Arbitrary<FilterRule> {
  const length = fc.option(fc.constantFrom(0, 1, 8, 31, 32), { nil: undefined });
  const rarely = { nil: undefined, freq: 6 };
  const where = fc.record({
    cidr: arbitraryPrefix(family),
    matchOperator: fc.constantFrom('Equal', 'NotEqual', 'In', 'In', 'NotIn'),
    prefixLength: fc.option(fc.record({ min: length, max: length }), { nil: undefined }),
  });
  const conditions = fc.record({
    source: fc.constantFrom('RemotePeers', undefined),
    peerType: fc.constantFrom(undefined, undefined, 'eBGP', 'iBGP'),
    interface: fc.constantFrom(undefined, undefined, undefined, 'eth*'),
    communities: fc.option(
      arbitraryCommunity.map((value) => ({ values: [value] })),
      rarely,
    ),
    asPathPrefix: fc.option(fc.array(fc.constantFrom(65_001, 65_002), { minLength: 1, maxLength: 2 }), rarely),
    priority: fc.option(fc.constantFrom(512, 1024), rarely),
  });
  const action = fc.oneof(
    fc.constant({ action: 'Reject' as const }),
    fc.record({ action: fc.constant('Accept' as const), operations: fc.array(arbitraryOperation, { maxLength: 3 }) }),
  );
  return fc
    .tuple(fc.oneof({ weight: 5, arbitrary: where }, { weight: 1, arbitrary: fc.constant({}) }), conditions, action)
    .map(([match, others, then]) => ({ ...match, ...others, ...then }));
}

const arbitraryRules: fc.Arbitrary<Rules> = fc.record({
  ipv4: fc.array(arbitraryRule(0), { maxLength: 5 }),
  ipv6: fc.array(arbitraryRule(1), { maxLength: 5 }),
});

const arbitraryCommunities = fc.array(
  fc.record({
    prefix: fc.oneof(arbitraryPrefix(0), arbitraryPrefix(1)).map(parsePrefix),
    communities: fc.array(arbitraryCommunity, { maxLength: 2 }),
  }),
  { maxLength: 3 },
);

const arbitraryRoute = fc.record({
  prefix: fc.oneof(arbitraryPrefix(0), arbitraryPrefix(1)),
  route: fc.record({
    source: fc.constantFrom(...OWN_SOURCES, SOURCE_EXTERNAL, SOURCE_INTERNAL, SOURCE_CLIENT),
    interface: fc.constantFrom('eth0', 'cali1', ''),
    attributes: fc.record({
      asPath: fc
        .array(fc.constantFrom(65_001, 65_002), { maxLength: 3 })
        .map((asns) => (asns.length === 0 ? [] : [{ type: 'sequence' as const, asns }])),
      communities: fc.subarray([0xfde8_0001, 0xfde8_0002]),
      largeCommunities: fc.subarray([{ globalAdministrator: 65_000, localData1: 1, localData2: 2 }]),
      localPref: fc.constantFrom(100, 612, 2_147_482_623, 2_147_483_135),
    }),
  }),
});

/** Rules with one more, one less, or one put elsewhere; communities likewise. */
const arbitraryChange = fc
  .record({
    rules: arbitraryRules,
    more: fc.tuple(arbitraryRule(0), arbitraryRule(1)),
    at: fc.nat(5),
    remove: fc.boolean(),
    communities: arbitraryCommunities,
    keep: fc.boolean(),
  })
  .map(({ rules, more, at, remove, communities, keep }) => {
    const change = (list: readonly FilterRule[], rule: FilterRule): FilterRule[] => {
      const changed = [...list];
      if (remove) changed.splice(at % (list.length + 1), 1);
      else changed.splice(at % (list.length + 1), 0, rule);
      return changed;
    };
    const after = { ipv4: change(rules.ipv4, more[0]), ipv6: change(rules.ipv6, more[1]) };
    return {
      before: rules,
      after,
      communities: { before: communities, after: keep ? communities : communities.slice(1) },
    };
  });
