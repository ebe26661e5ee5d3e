/** Models of policies in few words, for tests of rulesets. */
import { parsePrefix } from '../../src/net/prefix.ts';
import { addressesOf, portsOf } from '../../src/policy/set-spec.ts';
import type { EndpointRules, LocalHost, LocalWorkload, ModelChanges, SetChange } from '../../src/policy/model.ts';
import type { Policy, Profile } from '../../src/policy/policy.ts';
import type { Rule, SetSpec } from '../../src/policy/rule.ts';
import type { PolicySettings } from '../../src/policy/settings.ts';

/** A rule that allows everything, but for what is said. */
export function ruleOf(rule: Partial<Rule>, index = 0): Rule {
  return { index, action: 'Allow', families: [4, 6], source: {}, destination: {}, ...rule };
}

interface ShortPolicy extends Partial<Omit<Policy, 'ingress' | 'egress'>> {
  readonly ingress?: readonly Partial<Rule>[];
  readonly egress?: readonly Partial<Rule>[];
}

/** NetworkPolicy x/web, but for what is said; without rules for a direction it does not judge it. */
export function policyOf({ ingress, egress, ...said }: ShortPolicy): Policy {
  const policy = { kind: 'NetworkPolicy', namespace: 'x', name: 'web', tier: 'default', ...said } as const;
  return {
    key: `${policy.name}/${policy.namespace}/${policy.kind}`,
    order: 1000,
    scope: 'normal',
    selector: 'all()',
    ...policy,
    ingress: ingress?.map(ruleOf),
    egress: egress?.map(ruleOf),
  };
}

interface ShortRules extends Partial<Omit<EndpointRules, 'tiers'>> {
  /** Policies of tiers that deny at their end; the first is `default`, those after it `tier2` and so on. */
  readonly tiers?: readonly (readonly Policy[])[];
}

export function rulesOf({ tiers = [], ...said }: ShortRules): EndpointRules {
  const applied = tiers.map((policies, index) => ({
    name: index === 0 ? 'default' : `tier${index + 1}`,
    defaultAction: 'Deny' as const,
    policies: policies.map(({ key }) => key),
  }));
  return { id: 'i', layer: 'workload', direction: 'ingress', up: true, profiles: [], tiers: applied, ...said };
}

/** The addresses of what has a label of this name. */
export function addressSet(label: string): SetSpec {
  return addressesOf(`has(${label})`);
}

/** Where what has a label of this name has port `http` of TCP. */
export function portSet(label: string): SetSpec {
  return portsOf(`has(${label})`, 'http', 6);
}

export function workloadAt(interfaceName: string, said: Partial<LocalWorkload>): LocalWorkload {
  return { endpoint: `Pod x/${interfaceName}`, interfaceName, ingress: 'i', egress: 'e', spoofable: [], ...said };
}

export function settingsOf(said: Partial<PolicySettings> = {}): PolicySettings {
  return {
    interfacePrefixes: ['cali'],
    endpointToHost: 'Drop',
    failsafes: { ingress: [], egress: [] },
    dropInvalid: true,
    vxlanPort: 4789,
    dropIpip: true,
    sourceSpoofing: true,
    logPrefix: 'calico-packet',
    openstack: undefined,
    masquerade: { sources: [], pools: [] },
    loops: undefined,
    ...said,
  };
}

type Gone = readonly [name: string, nothing: undefined];

interface ShortProfile extends Partial<Omit<Profile, 'ingress' | 'egress'>> {
  readonly name: string;
  readonly ingress: readonly Partial<Rule>[];
  readonly egress: readonly Partial<Rule>[];
}

interface ShortChanges {
  readonly sets?: readonly (Partial<SetChange> & { readonly set: SetSpec })[];
  readonly policies?: readonly (Policy | Gone)[];
  readonly profiles?: readonly (ShortProfile | Gone)[];
  readonly rules?: readonly (EndpointRules | Gone)[];
  readonly workloads?: readonly (LocalWorkload | Gone)[];
  readonly hosts?: readonly (LocalHost | Gone)[];
  readonly settings?: PolicySettings;
}

export function changes(said: ShortChanges): ModelChanges {
  return {
    sets: (said.sets ?? []).map((change) => ({ gone: false, added: [], removed: [], ...change })),
    policies: byName(said.policies, ({ key }) => key),
    profiles: byName((said.profiles ?? []).map(fullProfile), ({ name }) => name),
    rules: byName(said.rules, ({ id }) => id),
    workloads: byName(said.workloads, ({ interfaceName }) => interfaceName),
    hosts: byName(said.hosts, ({ interfaceName }) => interfaceName),
    departed: [],
    settings: said.settings,
  };
}

function fullProfile(profile: ShortProfile | Gone): Profile | Gone {
  if (isGone(profile)) return profile;
  return { labels: {}, ...profile, ingress: profile.ingress.map(ruleOf), egress: profile.egress.map(ruleOf) };
}

function byName<T extends object>(items: readonly (T | Gone)[] | undefined, nameOf: (item: T) => string) {
  return new Map<string, T | undefined>(
    (items ?? []).map((item) => (isGone(item) ? [item[0], undefined] : [nameOf(item), item])),
  );
}

function isGone(item: object): item is Gone {
  return Array.isArray(item);
}

/** Prefixes by their texts. */
export function prefixes(...texts: readonly string[]) {
  return texts.map(parsePrefix);
}
