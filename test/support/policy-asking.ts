/** Policies for tests, and what they say of routes. */
import { expect, vi } from 'vitest';
import { decodeAttributes, encodeAttributes } from '../../src/bgp/messages/attributes/attribute-codec.ts';
import { PLAIN_ATTRIBUTES } from '../../src/bgp/messages/attributes/attributes.ts';
import type { Attributes } from '../../src/bgp/messages/attributes/attributes.ts';
import { compileExportPolicy, compileImportPolicy } from '../../src/filters/policies.ts';
import type { ExportInputs } from '../../src/filters/policies.ts';
import type { NamedFilter } from '../../src/filters/bgp-filter.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import { AttributeSets } from '../../src/rib/attribute-sets.ts';
import { REJECTED, SOURCE_EXTERNAL } from '../../src/rib/policy.ts';
import type { RoutePolicy, RouteSource } from '../../src/rib/policy.ts';

const NORMAL_METRIC = [1024, 1024] as const;

/** The import policy of an external neighbour with these filters, or of another one. */
export function importPolicy(filters: readonly NamedFilter[], external = true): RoutePolicy {
  return compileImportPolicy({ filters, external, normalMetric: NORMAL_METRIC });
}

/** The export policy of an external neighbour without anything but what is given. */
export function exportPolicy(inputs: Partial<ExportInputs>): RoutePolicy {
  return compileExportPolicy({
    filters: [],
    pools: [],
    blocks: [],
    servicePrefixes: [],
    communities: [],
    reflects: false,
    keepsNextHop: false,
    gracefulShutdown: false,
    strict: false,
    external: true,
    normalMetric: NORMAL_METRIC,
    ...inputs,
  });
}

/** A route to be judged; plain and from an external peer unless something else is said. */
export interface AskedRoute {
  readonly source?: RouteSource;
  readonly attributes?: Partial<Attributes>;
  readonly interface?: string;
}

/** What a policy says of a route and makes of it, by both its functions, which must agree. */
export function judge(
  policy: RoutePolicy,
  prefix: string,
  route: AskedRoute = {},
): { accepted: boolean; why: string; attributes: Attributes | undefined } {
  const parsed = parsePrefix(prefix);
  const { family, length } = parsed;
  const [a0, a1, a2, a3] = parsed.words;
  const sets = new AttributeSets();
  const block = encodeAttributes({ ...PLAIN_ATTRIBUTES, ...route.attributes }, family);
  const set = sets.acquire(block, 0, block.length);
  const source = route.source ?? SOURCE_EXTERNAL;
  const view = { family, a0, a1, a2, a3, length, source, attributes: sets, set, interface: route.interface ?? '' };
  const rewritten = vi.spyOn(sets.rewrites, 'apply');
  const { accepted, why } = policy.explain(view);
  expect(view.set).toBe(set);
  const result = policy.apply(view);
  expect(result !== REJECTED).toBe(accepted);
  expect(why.startsWith(accepted ? 'accepted' : 'rejected')).toBe(true);
  // Asked again, the same.
  expect(policy.apply(view)).toBe(result);
  expect(view.set).toBe(set);
  // What a policy does not say it changes would be remembered for ever.
  const said = new Set(policy.rewrites?.map(({ key }) => key));
  expect(rewritten.mock.calls.filter(([{ key }]) => !said.has(key))).toEqual([]);
  const start = sets.offset[result];
  const attributes = accepted ? decodeAttributes(sets.arena, start, start + sets.length[result]) : undefined;
  return { accepted, why, attributes };
}

/** What a policy says of a route, in words. */
export function ask(policy: RoutePolicy, prefix: string, source: RouteSource = SOURCE_EXTERNAL): string {
  return judge(policy, prefix, { source }).why;
}

/** Whether a policy accepts a route. */
export function accepts(policy: RoutePolicy, prefix: string, source: RouteSource = SOURCE_EXTERNAL): boolean {
  return judge(policy, prefix, { source }).accepted;
}
