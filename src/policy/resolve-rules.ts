/** Which policies and profiles judge the packets of an endpoint, in which order. */
import { createHash } from 'node:crypto';
import type { Endpoint } from './endpoint.ts';
import type { AppliedTier, EndpointRules, Layer } from './model.ts';
import type { Policy, PolicyScope, Tier } from './policy.ts';
import type { Direction } from './rule.ts';

/** The tier of a name, or undefined. */
export type TierLookup = (name: string) => Tier | undefined;

/** Which policies count where. */
const SCOPES: Readonly<Record<Layer, readonly PolicyScope[]>> = {
  workload: ['normal', 'forward'],
  host: ['normal', 'forward'],
  forward: ['forward'],
  preDNAT: ['preDNAT'],
  untracked: ['untracked'],
};

/** What is asked in a layer and direction, where `picking` are the policies that pick the endpoint, in any order. */
export function resolveRules(
  { local, profiles }: Endpoint,
  { layer, direction }: { readonly layer: Layer; readonly direction: Direction },
  picking: readonly Policy[],
  tierOf: TierLookup,
): EndpointRules {
  const up = local?.up ?? true;
  const judging = picking.filter((policy) => SCOPES[layer].includes(policy.scope) && policy[direction] !== undefined);
  const content = {
    layer,
    direction,
    up,
    // Where nothing passes, it does not matter what would be asked.
    tiers: up ? appliedTiers(judging, tierOf) : [],
    profiles: up && (layer === 'workload' || layer === 'host') ? profiles : [],
  };
  return { id: rulesId(content), ...content };
}

function appliedTiers(policies: readonly Policy[], tierOf: TierLookup): readonly AppliedTier[] {
  const byTier = new Map<string, Policy[]>();
  for (const policy of policies) {
    const others = byTier.get(policy.tier);
    if (others === undefined) byTier.set(policy.tier, [policy]);
    else others.push(policy);
  }
  return [...byTier.keys()]
    .sort((a, b) => compareTiers(a, b, tierOf))
    .map((name) => ({
      name,
      // Of a tier that nobody knows nothing says that what its policies do not let pass may.
      defaultAction: tierOf(name)?.defaultAction ?? 'Deny',
      policies: tierOf(name)?.closed ? [] : (byTier.get(name) ?? []).sort(comparePolicies).map(({ key }) => key),
    }));
}

/** Tiers that exist come first, then by order, then by name. */
export function compareTiers(a: string, b: string, tierOf: TierLookup): number {
  const left = tierOf(a);
  const right = tierOf(b);
  if (left === undefined || right === undefined) {
    return Number(left === undefined) - Number(right === undefined) || compareText(a, b);
  }
  return compareNumbers(left.order, right.order) || compareText(a, b);
}

/** Within a tier: by order, then by key. */
export function comparePolicies(a: Policy, b: Policy): number {
  return compareNumbers(a.order, b.order) || compareText(a.key, b.key);
}

/** Without a subtraction, which has no answer for two infinities. */
function compareNumbers(a: number, b: number): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** 96 bits of a hash: nobody finds two lists of one name by trying. */
const HASH_DIGITS = 24;

/** A letter for the direction and hex digits. */
function rulesId({ layer, direction, up, tiers, profiles }: Omit<EndpointRules, 'id'>): string {
  const content = JSON.stringify([layer, direction, up, tiers.map((tier) => Object.values(tier)), profiles]);
  const hash = createHash('sha256').update(content).digest('hex');
  return (direction === 'ingress' ? 'i' : 'e') + hash.slice(0, HASH_DIGITS);
}
